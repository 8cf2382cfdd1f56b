// The page as the gateway serves it, before a real budget service and Redis, in both forms of Tollgate.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { startStack } from '../clients/lib/stack.mjs';
import { openPage, signIn, startBrowser } from './lib/browser.mjs';

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser.close());

for (const form of ['one', 'five']) {
  describe(`in the form of ${form}`, () => {
    const started = [];
    let directory;
    let base;
    let management;
    let plain;
    let model;

    before(async () => {
      directory = await mkdtemp(path.join(tmpdir(), 'tollgate-dashboard-'));
      const environment = await startStack(form, directory, started);
      base = new URL(environment.TOLLGATE_BASE_URL).origin;
      management = environment.TOLLGATE_MANAGEMENT_KEY;
      plain = environment.TOLLGATE_KEY;
      model = environment.TOLLGATE_MODEL;
    });
    after(async () => {
      for (const service of started.reverse()) await service.stop();
      await rm(directory, { recursive: true, force: true });
    });

    const session = async (key) => {
      const response = await fetch(`${base}/dashboard/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ key }),
      });
      assert.equal(response.status, 200);
      const { data } = await response.json();
      return { cookie: response.headers.get('set-cookie').split(';')[0], csrf: data.csrf, response, data };
    };
    const ask = (path, cookie, options = {}) =>
      fetch(`${base}${path}`, { ...options, headers: { cookie, ...options.headers } });

    test('the page is served, cached and locked down', async () => {
      const moved = await fetch(`${base}/dashboard?by=key`, { redirect: 'manual' });
      assert.equal(moved.status, 308);
      assert.equal(moved.headers.get('location'), '/dashboard/?by=key');
      const page = await fetch(`${base}/dashboard/requests/gen-1`);
      assert.equal(page.status, 200);
      const policy = page.headers.get('content-security-policy');
      assert.match(policy, /default-src 'none'/);
      assert.match(policy, /frame-ancestors 'none'/);
      assert.doesNotMatch(policy, /unsafe/);
      assert.equal(page.headers.get('cache-control'), 'no-cache');
      const html = await page.text();
      assert.doesNotMatch(html, /style=|<script>|https?:/);
      const again = await fetch(`${base}/dashboard/`, { headers: { 'if-none-match': page.headers.get('etag') } });
      assert.equal(again.status, 304);
      const script = await fetch(base + html.match(/src="([^"]*assets[^"]*)"/)[1]);
      assert.match(script.headers.get('cache-control'), /immutable/);
      assert.equal(script.headers.get('content-encoding'), 'gzip');
      assert.equal((await fetch(`${base}/dashboard/assets/none.js`)).status, 404);
    });

    test('a session is a cookie that scripts and other sites cannot use', async () => {
      const { response, cookie, csrf } = await session(management);
      const attributes = response.headers.get('set-cookie');
      for (const attribute of [/; HttpOnly/, /; SameSite=Strict/, /; Path=\//]) assert.match(attributes, attribute);
      assert.doesNotMatch(attributes, /Secure/);
      assert.ok(!attributes.includes(management));
      assert.equal(response.headers.get('cache-control'), 'no-store');
      assert.equal((await ask('/api/v1/keys', cookie)).status, 200);
      // Changes need what only the page knows.
      const change = { method: 'POST', body: '{"name":"forged"}', headers: { 'content-type': 'application/json' } };
      assert.equal((await ask('/api/v1/keys', cookie, change)).status, 403);
      assert.equal(
        (await ask('/api/v1/keys', cookie, { ...change, headers: { 'x-csrf-token': '0'.repeat(64) } })).status,
        403,
      );
      assert.equal((await ask('/api/v1/keys', cookie, { ...change, headers: { 'x-csrf-token': csrf } })).status, 201);
      // A form of another site cannot sign in.
      const form = await fetch(`${base}/dashboard/session`, {
        method: 'POST',
        body: new URLSearchParams({ key: management }),
      });
      assert.equal(form.status, 400);
      const behindTls = await fetch(`${base}/dashboard/session`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-proto': 'https' },
        body: JSON.stringify({ key: management }),
      });
      assert.match(behindTls.headers.get('set-cookie'), /; Secure/);
      // Signing out ends it everywhere.
      assert.equal((await ask('/dashboard/session', cookie, { method: 'DELETE' })).status, 403);
      assert.equal(
        (await ask('/dashboard/session', cookie, { method: 'DELETE', headers: { 'x-csrf-token': csrf } })).status,
        200,
      );
      assert.equal((await ask('/api/v1/keys', cookie)).status, 401);
      assert.equal((await ask('/dashboard/session', cookie)).status, 401);
    });

    test('a session infers nothing and opens no other', async () => {
      const { cookie } = await session(plain);
      const token = cookie.split('=')[1];
      const body = JSON.stringify({ model, max_tokens: 8, messages: [{ role: 'user', content: 'hi' }] });
      for (const headers of [{ cookie }, { 'x-api-key': token }]) {
        const response = await fetch(`${base}/v1/messages`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          body,
        });
        assert.equal(response.status, 401);
      }
      assert.equal(
        (
          await fetch(`${base}/dashboard/session`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ key: token }),
          })
        ).status,
        401,
      );
      assert.equal((await ask('/api/v1/keys', cookie)).status, 403);
      assert.equal((await ask('/api/v1/key', cookie)).status, 200);
    });

    test('a key that is disabled ends its sessions at once', async () => {
      const admin = await session(management);
      const change = (path, method, body) =>
        ask(`/api/v1${path}`, admin.cookie, {
          method,
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json', 'x-csrf-token': admin.csrf },
        });
      const { data, key } = await (await change('/keys', 'POST', { name: 'leaver' })).json();
      const leaver = await session(key);
      assert.equal((await ask('/dashboard/session', leaver.cookie)).status, 200);
      await change(`/keys/${data.hash}`, 'PATCH', { disabled: true });
      assert.equal((await ask('/dashboard/session', leaver.cookie)).status, 401);
      await change(`/keys/${data.hash}`, 'PATCH', { disabled: false });
      assert.equal((await ask('/dashboard/session', leaver.cookie)).status, 200);
      await change(`/keys/${data.hash}`, 'DELETE');
      assert.equal((await ask('/dashboard/session', leaver.cookie)).status, 401);
    });

    test('a key made in the browser works', async () => {
      const tab = await openPage(browser);
      const { page } = tab;
      await page.goto(`${base}/dashboard/keys`);
      await page.getByLabel('Key', { exact: true }).fill('sk-tg-v1-wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('alert').filter({ hasText: 'Invalid API key.' }).waitFor();
      await page.getByLabel('Key', { exact: true }).fill(management);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('button', { name: 'New key' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Name').fill('by hand');
      await dialog.getByLabel('USD a day').fill('5');
      await dialog.getByRole('button', { name: 'Create key' }).click();
      const lines = await dialog.locator('pre').textContent();
      const made = Object.fromEntries(
        [...lines.matchAll(/^export (\w+)=(.*)$/gm)].map((match) => [match[1], match[2]]),
      );
      const response = await fetch(`${made.ANTHROPIC_BASE_URL}/v1/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${made.ANTHROPIC_AUTH_TOKEN}` },
        body: JSON.stringify({ model, max_tokens: 64, messages: [{ role: 'user', content: 'hi' }] }),
      });
      assert.equal(response.status, 200);
      await dialog.getByRole('button', { name: 'I have copied it' }).click();
      const row = page.getByRole('row', { name: /by hand/ });
      await row.getByText('of $5 daily').waitFor();
      await page.getByRole('button', { name: 'Edit by hand' }).click();
      await dialog.getByLabel('USD a day').fill('7.5');
      await dialog.getByRole('button', { name: 'Save' }).click();
      await row.getByText('of $7.50 daily').waitFor();
      await page.getByRole('button', { name: 'Delete by hand' }).click();
      await dialog.getByRole('textbox').fill('by hand');
      await dialog.getByRole('button', { name: 'Delete' }).click();
      await row.waitFor({ state: 'detached' });
      await tab.close();
    });

    const spend = async (key) => {
      const response = await fetch(`${base}/v1/messages`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': key },
        body: JSON.stringify({ model, max_tokens: 64, messages: [{ role: 'user', content: 'hi' }] }),
      });
      assert.equal(response.status, 200);
      await response.text();
      return response.headers.get('x-generation-id');
    };

    test('what was spent shows up, as it happens', async () => {
      const generation = await spend(plain);
      const tab = await openPage(browser);
      const { page } = tab;
      await signIn(page, base, plain);
      await page.locator('.breakdown').getByText('claude-').first().waitFor();
      await page.goto(`${base}/dashboard/requests/${generation}`);
      const detail = page.getByRole('dialog');
      await detail.locator('.timeline').waitFor();
      await detail.getByText('first token after').waitFor();
      await page.keyboard.press('Escape');
      await page.locator(`.records a[href*="${generation}"]`).waitFor();
      await page.getByRole('button', { name: 'Live' }).waitFor();
      const next = await spend(plain);
      await page.locator(`.row-fresh a[href*="${next}"]`).waitFor();
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('link', { name: 'CSV' }).click(),
      ]);
      const csv = await readFile(await download.path(), 'utf8');
      assert.ok(csv.includes(generation) && csv.includes(next));
      for (const view of ['Sessions', 'Models', 'Providers']) {
        await page.getByRole('navigation').getByRole('link', { name: view }).click();
        await page.getByRole('heading', { name: view, level: 1 }).waitFor();
        await page.locator('.skeleton').first().waitFor({ state: 'detached' });
        assert.equal(await page.getByRole('alert').count(), 0, view);
      }
      await tab.close();
    });

    test('a plain key sees nothing of others', async () => {
      const admin = await session(management);
      const made = await ask('/api/v1/keys', admin.cookie, {
        method: 'POST',
        body: '{"name":"other"}',
        headers: { 'content-type': 'application/json', 'x-csrf-token': admin.csrf },
      });
      const others = await spend((await made.json()).key);
      const own = await spend(plain);
      const seen = async (cookie) => {
        const { data } = await (await ask('/api/v1/activity/records?limit=1000', cookie)).json();
        return [own, others].map((id) => data.some((record) => record.generation_id === id));
      };
      assert.deepEqual(await seen(admin.cookie), [true, true]);
      const { cookie } = await session(plain);
      assert.deepEqual(await seen(cookie), [true, false]);
      assert.equal((await ask(`/api/v1/activity/records/${others}`, cookie)).status, 404);
    });
  });
}
