// A receiver of webhooks for a journey: it keeps what came, and answers as it is told.

import { createServer } from "node:http";
import { once } from "node:events";

/** Starts one. `came` has each request, oldest first; `answer` is what `writeHead` is given, and may be changed. */
export async function startReceiver() {
  const came = [];
  const receiver = { came, answer: [200] };
  const server = createServer((request, response) => {
    let text = "";
    request
      .on("data", (chunk) => (text += chunk))
      .on("end", () => {
        came.push({ url: request.url, headers: request.headers, body: JSON.parse(text) });
        response.writeHead(...receiver.answer).end();
      });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  receiver.address = `127.0.0.1:${server.address().port}`;
  receiver.end = () => {
    server.closeAllConnections();
    server.close();
  };
  return receiver;
}
