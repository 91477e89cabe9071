import express from 'express';

// Change this line, push, and watch it arrive. Double quotes, so that it may have an apostrophe.
export const greeting = "Hello";

/** Returns the application without listening, so that a test can choose the port. */
export function createApp({ environment } = {}) {
  const app = express();
  app.disable('x-powered-by');

  app.get('/', (_request, response) => {
    response.type('text/plain').send(environment ? `${greeting} from ${environment}!\n` : `${greeting}!\n`);
  });

  // For a load balancer's health check: answers as long as the process serves requests at all.
  app.get('/healthz', (_request, response) => {
    response.type('text/plain').send('ok\n');
  });

  return app;
}
