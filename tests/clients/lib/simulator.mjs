// The control endpoints of the simulator (tests/simulator/control.h).
import { setTimeout as sleep } from 'node:timers/promises';
import { simulatorUrl } from './env.mjs';

// The control of the simulator at this address.
export function controlOf(url) {
  const control = async (path, body) => {
    const response = await fetch(`${url()}/_sim/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`/_sim/${path}: ${text}`);
    return JSON.parse(text);
  };
  return {
    script: (...steps) => control('script', steps),
    reset: () => control('reset', {}),
    requests: async () => (await control('requests')).requests,
    billed: () => control('billed'),
  };
}

export const { script, reset, requests, billed } = controlOf(simulatorUrl);

// The requests to the Messages API itself.
export async function messageRequests() {
  return (await requests()).filter((request) => request.target.split('?')[0] === '/v1/messages');
}

// The first value of a header of a recorded request.
export function header(request, name) {
  return request.headers.find(([key]) => key.toLowerCase() === name)?.[1];
}

// Resolves with the condition's value as soon as it is true; `what` says what never came.
export async function until(what, condition, patience = 20000) {
  const deadline = Date.now() + patience;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`timed out waiting for ${what}`);
    await sleep(10);
  }
}
