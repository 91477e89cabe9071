import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

const SERVER = fileURLToPath(new URL('../server.js', import.meta.url));

function start(context, env) {
  const child = spawn(process.execPath, [SERVER], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  context.after(() => child.kill('SIGKILL'));
  return child;
}

async function listening(child) {
  for await (const line of createInterface({ input: child.stdout })) {
    const match = /^Listening on port (\d+)$/.exec(line);
    if (match) return Number(match[1]);
  }
  throw new Error('The server ended before it listened');
}

async function refused(port) {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return false;
  } catch (error) {
    return error.code === 'ECONNREFUSED';
  } finally {
    socket.destroy();
  }
}

describe('the server', { timeout: 20_000 }, () => {
  it('takes its port and its environment name from the environment', async (context) => {
    const child = start(context, { PORT: '0', ENVIRONMENT: 'development' });
    const response = await fetch(`http://127.0.0.1:${await listening(child)}/`);
    assert.match(await response.text(), /development/);
  });

  it('ends with an error if the port is taken', async (context) => {
    const other = createServer().listen(0);
    context.after(() => other.close());
    await once(other, 'listening');
    const child = start(context, { PORT: String(other.address().port) });
    const [code] = await once(child, 'exit');
    assert.notEqual(code, 0);
  });

  it('ends with an error if the port is not a number', async (context) => {
    const child = start(context, { PORT: 'http' });
    const [code] = await once(child, 'exit');
    assert.notEqual(code, 0);
  });

  it('stops at once on SIGTERM, idle connections or not', async (context) => {
    const child = start(context, { PORT: '0' });
    const port = await listening(child);
    await (await fetch(`http://127.0.0.1:${port}/`)).text(); // leaves a connection open, and idle
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

  it('finishes a request that SIGTERM interrupts, but takes no new one', async (context) => {
    const child = start(context, { PORT: '0' });
    const port = await listening(child);
    const exit = once(child, 'exit');

    const socket = connect(port, '127.0.0.1').setEncoding('utf8');
    context.after(() => socket.destroy());
    let answer = '';
    socket.on('data', (data) => (answer += data));
    const ended = once(socket, 'end');
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
    // Only a later answer shows that the server has read the half request above.
    const greeting = await (await fetch(`http://127.0.0.1:${port}/`)).text();

    child.kill('SIGTERM');
    while (!(await refused(port))) await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write('\r\n');

    assert.deepEqual(await exit, [0, null]);
    await ended;
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
    assert.ok(answer.endsWith(`\r\n\r\n${greeting}`));
  });
});
