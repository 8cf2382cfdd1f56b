// Stands before the base URL and keeps what a client sends, so that it can be compared with what reaches the upstream.
import http from 'node:http';

// `onAnswer`, if any, is called with each request before its answer ends, and awaited.
export async function startRecorder(target, { onAnswer = async () => {} } = {}) {
  const base = new URL(target);
  const requests = [];
  const server = http.createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const kept = { method: request.method, target: request.url, headers: request.rawHeaders, body };
    requests.push(kept);
    const onward = http.request(
      { host: base.hostname, port: base.port, method: request.method, path: base.pathname.replace(/\/$/, '') + request.url,
        headers: request.headers },
      (answer) => {
        kept.answer = { status: answer.statusCode, headers: answer.headers };
        response.writeHead(answer.statusCode, answer.rawHeaders);
        answer.pipe(response, { end: false });
        answer.on('end', () => onAnswer(kept).finally(() => response.end()));
        answer.on('error', () => response.destroy());
      });
    onward.on('error', () => response.destroy());
    response.on('close', () => onward.destroy());
    onward.end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    requests,
    messages: () => requests.filter((request) => request.target.split('?')[0].endsWith('/v1/messages')),
    stop: () => new Promise((resolve) => {
      server.close(resolve);
      server.closeAllConnections();
    }),
  };
}
