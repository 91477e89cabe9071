import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';

import { createApp, greeting } from '../app.js';

async function serve(settings) {
  const server = createApp(settings).listen(0);
  await once(server, 'listening');
  return { server, url: `http://127.0.0.1:${server.address().port}` };
}

function close(server) {
  server.close();
  server.closeAllConnections();
}

describe('the application', () => {
  let running;
  before(async () => {
    running = await serve();
  });
  after(() => close(running.server));

  it('greets on /', async () => {
    const response = await fetch(`${running.url}/`);
    assert.equal(response.status, 200);
    assert.match(response.headers.get('content-type'), /^text\/plain/);
    assert.ok(greeting.trim());
    assert.equal(await response.text(), `${greeting}!\n`);
  });

  it('is healthy on /healthz', async () => {
    const response = await fetch(`${running.url}/healthz`);
    assert.equal(response.status, 200);
    assert.equal(await response.text(), 'ok\n');
  });

  it('answers 404 elsewhere', async () => {
    const response = await fetch(`${running.url}/nowhere`);
    assert.equal(response.status, 404);
  });

  it('does not say what it is made of', async () => {
    const response = await fetch(`${running.url}/`);
    assert.equal(response.headers.get('x-powered-by'), null);
  });
});

describe('the application with an environment name', () => {
  it('greets with that name, as plain text', async (context) => {
    const { server, url } = await serve({ environment: '<b>qa</b>' });
    context.after(() => close(server));
    const response = await fetch(`${url}/`);
    assert.match(response.headers.get('content-type'), /^text\/plain/);
    assert.equal(await response.text(), `${greeting} from <b>qa</b>!\n`);
  });
});
