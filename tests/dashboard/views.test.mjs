// Every view over a made-up team (gateway/dashboard/mock), as a browser shows it.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { startMock } from '../../gateway/dashboard/mock/server.mjs';
import { accessibilityProblems, openPage, sidewaysOverflow, signIn, startBrowser } from './lib/browser.mjs';

const VIEWS = ['', 'requests', 'sessions', 'models', 'providers', 'keys', 'workspaces'];
const HEADINGS = ['Overview', 'Requests', 'Sessions', 'Models', 'Providers', 'Keys', 'Workspaces'];

const dist = process.env.TOLLGATE_DASHBOARD;
if (!dist) throw new Error('TOLLGATE_DASHBOARD is not set: it names the folder of the built page');

let browser;
let mock;
let tab;
let page;

const show = async (path) => {
  await page.goto(`${mock.url}/dashboard/${path}`);
  await page.locator('h1').waitFor();
};
const query = () => new URL(page.url()).searchParams;
const settled = () => page.locator('.skeleton').first().waitFor({ state: 'detached' });

async function open(options = {}, { empty = false, key = 'sk-tg-v1-any' } = {}) {
  mock = await startMock({ dist, quiet: true, empty });
  tab = await openPage(browser, options);
  page = tab.page;
  await signIn(page, mock.url, key);
}

before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());
afterEach(async () => {
  await tab.close();
  await mock.close();
});

describe('a management key', () => {
  beforeEach(() => open());

  test('sees the spend, split as it likes, and the URL says how', async () => {
    await page.getByRole('group', { name: 'Time' }).getByRole('button', { name: '30 days' }).click();
    assert.equal(query().get('since'), '30d');
    const rows = page.locator('.breakdown tbody tr');
    await page.locator('.breakdown').getByText('claude-opus-4.5').waitFor();
    await page.getByRole('group', { name: 'Split by' }).getByRole('button', { name: 'Key' }).click();
    await page.locator('.breakdown').getByText('ci-review').waitFor();
    assert.equal(query().get('by'), 'key');
    const shown = await rows.count();
    await page.reload();
    await page.locator('.breakdown').getByText('ci-review').waitFor();
    assert.equal(await rows.count(), shown);
    await page.goBack();
    await page.locator('.breakdown').getByText('claude-opus-4.5').waitFor();
  });

  test('sees parts that add up to the whole', async () => {
    await show('?since=30d&metric=requests&by=key');
    await page.locator('.breakdown').getByText('ci-review').waitFor();
    const texts = await page.locator('.breakdown tbody td:nth-child(3)').allTextContents();
    const parts = texts.reduce((sum, text) => sum + Number(text.replaceAll(',', '')), 0);
    const whole = await page.locator('.numbers dt:text-is("Requests") + dd').textContent();
    assert.equal(parts, Number(whole.replaceAll(',', '')));
  });

  test('narrows down by a click and by the menu, and widens again', async () => {
    await show('?since=30d');
    await page.locator('.breakdown').getByRole('link', { name: 'claude-opus-4.5' }).click();
    assert.deepEqual(query().getAll('model'), ['anthropic/claude-opus-4.5']);
    await page.getByRole('button', { name: 'Filter', exact: true }).click();
    await page.locator('.menu').getByRole('button', { name: 'Key', exact: true }).click();
    await page
      .locator('.menu')
      .getByRole('button', { name: /^grace/ })
      .click();
    assert.equal(query().getAll('key').length, 1);
    await page.getByRole('button', { name: 'Remove the filter key grace' }).click();
    assert.equal(query().has('key'), false);
    // What is chosen stays chosen from view to view.
    await page.getByRole('navigation').getByRole('link', { name: 'Requests' }).click();
    assert.deepEqual(query().getAll('model'), ['anthropic/claude-opus-4.5']);
    await settled();
    const models = new Set(await page.locator('.cell-model > span').allTextContents());
    assert.deepEqual([...models], ['claude-opus-4.5']);
  });

  test('reads the chart by the keyboard', async () => {
    await show('?since=30d');
    const chart = page.locator('.chart');
    await chart.focus();
    await page.keyboard.press('End');
    const last = await page.locator('.tip-time').textContent();
    await page.keyboard.press('ArrowLeft');
    assert.notEqual(await page.locator('.tip-time').textContent(), last);
    await page.locator('.tip').getByText('Total').waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.tip').waitFor({ state: 'detached' });
  });

  test('chooses a time by dragging', async () => {
    await show('?since=30d');
    const box = await page.locator('.u-over').boundingBox();
    await page.mouse.move(box.x + box.width * 0.3, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 60, { steps: 5 });
    await page.mouse.up();
    await page.waitForFunction(() => location.search.includes('until='));
    assert.ok(Date.parse(query().get('until')) > Date.parse(query().get('since')));
    assert.ok(query().get('since').endsWith('T00:00:00.000Z'));
    await page.getByRole('button', { name: 'Back to the last 7 days' }).click();
    assert.equal(query().has('until'), false);
  });

  test('finds a request and sees what happened to it', async () => {
    const record = mock.team.records.findLast((one) => one.attempts.length > 1 && one.status === 200);
    await show('requests?since=30d');
    await page.getByRole('searchbox').fill(record.generation_id);
    await page.waitForFunction((id) => location.search.includes(id), record.generation_id);
    // The table before it has many rows.
    await page.waitForFunction(() => document.querySelectorAll('.records tbody tr').length === 1);
    await page.locator('.records tbody tr').click();
    const detail = page.getByRole('dialog');
    await detail.locator('.timeline li').first().waitFor();
    assert.equal(await detail.locator('.timeline li').count(), record.attempts.length + 1);
    assert.match(await detail.locator('.timeline li').first().textContent(), new RegExp(record.attempts[0].provider));
    await detail.getByText(record.upstream_id).waitFor();
    const link = page.url();
    await page.keyboard.press('Escape');
    await detail.waitFor({ state: 'detached' });
    // A link to it is enough.
    await page.goto(link.split('?')[0]);
    await page.getByRole('dialog').getByText(record.upstream_id).waitFor();
  });

  test('goes on to older requests and takes them home', async () => {
    await show('requests');
    const rows = page.locator('.records tbody tr');
    await rows.first().waitFor();
    assert.equal(await rows.count(), 50);
    await page.getByRole('button', { name: 'Show older ones' }).click();
    await rows.nth(100).waitFor();
    assert.equal(
      new Set(await page.locator('.cell-time a').evaluateAll((links) => links.map((link) => link.href))).size,
      150,
    );
    await page.getByRole('group', { name: 'Outcome' }).getByRole('button', { name: 'Refused' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'CSV' }).click(),
    ]);
    assert.match(download.suggestedFilename(), /\.csv$/);
    assert.equal(new URL(download.url()).searchParams.get('status'), '4xx');
  });

  test('sees requests as they happen, or not', async () => {
    await show('requests');
    await page.getByRole('button', { name: 'Live' }).waitFor();
    const first = page.locator('.records tbody tr').first();
    await first.waitFor();
    const record = mock.say();
    await page.locator(`.row-fresh a[href*="${record.generation_id}"]`).waitFor();
    await page.getByRole('button', { name: 'Live' }).click();
    await page.getByRole('button', { name: 'Paused' }).waitFor();
    assert.equal(query().get('live'), '0');
  });

  test('unfolds a session into its agents', async () => {
    await show('sessions?since=30d');
    const busy = page.locator('tbody', { has: page.locator('td:nth-child(6):text-matches("^[1-9]")') }).first();
    await busy.getByRole('button').first().click();
    await busy
      .getByText('Main agent')
      .or(busy.getByText(/^agent-/))
      .first()
      .waitFor();
    await busy.getByRole('link', { name: 'Its requests' }).click();
    await page.getByRole('heading', { name: 'Requests' }).waitFor();
    assert.equal(query().getAll('session').length, 1);
  });

  test('makes a key, sees its secret once, and changes it', async () => {
    await show('keys');
    await page.getByRole('button', { name: 'New key' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('katherine');
    await dialog.getByLabel('USD a day').fill('x');
    await dialog.getByRole('button', { name: 'Create key' }).click();
    await dialog.getByRole('alert').filter({ hasText: 'A limit is an amount' }).waitFor();
    await dialog.getByLabel('USD a day').fill('2.50');
    await dialog.getByRole('button', { name: 'Create key' }).click();
    const lines = dialog.locator('pre');
    await lines.waitFor();
    assert.match(
      await lines.textContent(),
      new RegExp(`^export ANTHROPIC_BASE_URL=${mock.url}/api\nexport ANTHROPIC_AUTH_TOKEN=sk-tg-v1-[0-9a-f]{64}\n`),
    );
    // Not by accident.
    await page.keyboard.press('Escape');
    await lines.waitFor();
    await dialog.getByRole('button', { name: 'I have copied it' }).click();
    await page
      .getByRole('row', { name: /katherine/ })
      .getByText('of $2.50 daily')
      .waitFor();
    assert.equal(await page.getByText(/[0-9a-f]{64}/).count(), 0);

    await page.getByRole('button', { name: 'Edit katherine' }).click();
    await dialog.getByLabel('USD a day').fill('');
    await dialog.getByLabel('USD a month').fill('40');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await page
      .getByRole('row', { name: /katherine/ })
      .getByText('of $40 monthly')
      .waitFor();
    await page.getByRole('button', { name: 'Disable katherine' }).click();
    await dialog.getByRole('button', { name: 'Disable' }).click();
    await page.getByRole('button', { name: 'Enable katherine' }).click();
    await page.getByRole('button', { name: 'Delete katherine' }).click();
    assert.equal(await dialog.getByRole('button', { name: 'Delete' }).isDisabled(), true);
    await dialog.getByRole('textbox').fill('katherine');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('row', { name: /katherine/ }).waitFor({ state: 'detached' });
  });

  test('makes a workspace and learns why one cannot go', async () => {
    await show('workspaces');
    await page.getByRole('button', { name: 'New workspace' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Id').fill('team-a');
    await dialog.getByLabel('USD a week').fill('70');
    await dialog.getByRole('button', { name: 'Create workspace' }).click();
    await page
      .getByRole('row', { name: /team-a/ })
      .getByText('of $70 weekly')
      .waitFor();
    await page.getByRole('button', { name: 'Delete Platform' }).click();
    await dialog.getByRole('textbox').fill('platform');
    await dialog.getByRole('button', { name: 'Delete' }).click();
    await dialog.getByRole('alert').filter({ hasText: 'still has keys' }).waitFor();
  });

  test('is told what failed, and comes back from it', async () => {
    mock.state.failing = 1000;
    await show('models');
    await page.getByRole('alert').filter({ hasText: 'Redis at 127.0.0.1:6379 does not answer.' }).waitFor();
    mock.state.failing = 0;
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('link', { name: 'claude-opus-4.5' }).waitFor();
  });

  test('signs out, and a session that has ended asks for the key', async () => {
    await show('models');
    await page.context().clearCookies();
    // Or sooner, by what the page asks for itself.
    await page.reload();
    await page.getByLabel('Key', { exact: true }).fill('sk-tg-v1-any');
    await page.getByRole('button', { name: 'Sign in' }).click();
    // Where it was.
    await page.getByRole('heading', { name: 'Models' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    assert.deepEqual(await page.context().cookies(), []);
  });

  test('gets through all of it without a mouse', async () => {
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'To the content');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
    await show('keys');
    await page.getByRole('button', { name: 'New key' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'New key');
  });
});

for (const colorScheme of ['light', 'dark']) {
  test(`can be read and understood, ${colorScheme}`, async () => {
    await open({ colorScheme, reducedMotion: 'reduce' });
    for (const [at, view] of VIEWS.entries()) {
      await show(view);
      await page.getByRole('heading', { name: HEADINGS[at], level: 1 }).waitFor();
      await settled();
      assert.deepEqual(await accessibilityProblems(page), [], HEADINGS[at]);
    }
    await show(`requests/${mock.team.records.at(-1).generation_id}`);
    await page.locator('.facts').waitFor();
    assert.deepEqual(await accessibilityProblems(page), [], 'a request');
  });
}

test('fits a phone', async () => {
  await open({ viewport: { width: 360, height: 740 } });
  for (const view of VIEWS) {
    await show(view);
    await settled();
    assert.equal(await sidewaysOverflow(page), 0, view);
  }
});

test('keeps the theme that was chosen', async () => {
  await open({ colorScheme: 'light' });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  await page.getByRole('button', { name: 'Switch between light and dark' }).click();
  const dark = await ground();
  assert.notEqual(dark, light);
  await page.reload();
  await page.locator('h1').waitFor();
  assert.equal(await ground(), dark);
});

test('an empty gateway says how to begin', async () => {
  await open({}, { empty: true });
  await page.getByText(`export ANTHROPIC_BASE_URL=${mock.url}/api`).waitFor();
  await show('sessions');
  await page.getByText('No sessions in this time').waitFor();
  await show('requests');
  await page.getByText('No requests fit').waitFor();
});

test('a page without requests that is not the last leads to the next', async () => {
  await open();
  const pages = [
    { data: [], cursor: '1' },
    { data: [], cursor: null },
  ];
  await page.route('**/api/v1/activity/records?*', (route) => route.fulfill({ json: pages.shift() }));
  await show('requests');
  await page.getByText('None so far').waitFor();
  await page.getByRole('button', { name: 'Show older ones' }).click();
  await page.getByText('No requests fit').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Show older ones' }).count(), 0);
});

test('a plain key sees its own and manages nothing', async () => {
  await open({}, { key: 'sk-tg-v1-plain' });
  assert.deepEqual(await page.getByRole('navigation').getByRole('link').allTextContents(), [
    'Overview',
    'Requests',
    'Sessions',
    'Models',
    'Providers',
  ]);
  await page.getByText('Your limits').waitFor();
  await page.goto(`${mock.url}/dashboard/keys`);
  await page.getByText('There is nothing here').waitFor();
  assert.ok(!mock.state.requests.some((line) => line.includes('/api/v1/keys')), 'asked for keys');
});
