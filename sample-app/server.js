import { createApp } from './app.js';

// 8080 and not 80: the container does not run as root, and not every host lets others bind a port below 1024.
const port = Number(process.env.PORT || 8080);

const server = createApp({ environment: process.env.ENVIRONMENT }).listen(port, (error) => {
  // Express 5 hands a failure to listen (the port is taken) to this callback instead of throwing it.
  if (error) throw error;
  console.log(`Listening on port ${server.address().port}`);
});

// Longer than the 60 s after which a load balancer drops an idle connection by default. If this side were
// the first to drop it, the load balancer could send a request into a closed connection and answer 502.
server.keepAliveTimeout = 65_000;

// ECS stops a task with SIGTERM and kills it 30 s later. In between, what has begun is finished.
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
function stop(signal) {
  console.log(`${signal}: finishing open requests`);
  server.close(() => console.log('Stopped'));
  setInterval(() => server.closeIdleConnections(), 100).unref();
  setTimeout(() => server.closeAllConnections(), 25_000).unref();
}

process.once('SIGTERM', stop);
process.once('SIGINT', stop);
