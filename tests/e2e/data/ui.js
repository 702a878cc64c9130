// SPDX-License-Identifier: ISC
// A user interface as people run one on node: a page that talks to its server over a WebSocket (RFC 6455).
// usage: node ui.js PORT; every request and every message is a line on stdout.
"use strict";
const crypto = require("crypto");
const http = require("http");

const PAGE = `<!doctype html><title>flows</title><p>waiting</p><script>
const ws = new WebSocket("wss://" + location.host + "/comms");
ws.onopen = () => ws.send("hello from the page");
ws.onmessage = m => ws.send("the page heard: " + m.data);
</script>`;

const server = http.createServer((request, response) => {
    console.log(request.method, request.url, JSON.stringify(request.headers));
    let length = 0;
    request.on("data", piece => length += piece.length);
    request.on("end", () => {
        if (request.url === "/old")
            return response.writeHead(302, {Location: "http://localhost:" + process.argv[2] + "/new"}).end();
        response.setHeader("Content-Type", "text/html");
        response.end(request.method === "POST" ? "got " + length : PAGE);
    });
});

// Complete messages of text, up to 125 bytes; enough for one page.
function messages(socket, onMessage) {
    let held = Buffer.alloc(0);
    socket.on("error", () => socket.destroy());
    socket.on("data", data => {
        held = Buffer.concat([held, data]);
        while (held.length >= 6 && held.length >= 6 + (held[1] & 127)) {
            const length = held[1] & 127, opcode = held[0] & 15;
            const text = held.subarray(6, 6 + length).map((byte, i) => byte ^ held[2 + i % 4]);
            held = held.subarray(6 + length);
            if (opcode === 8)
                return socket.end();
            onMessage(Buffer.from(text).toString());
        }
    });
}

server.on("upgrade", (request, socket) => {
    const accept = crypto.createHash("sha1")
        .update(request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
    console.log("upgrade", request.url, JSON.stringify(request.headers));
    socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Accept: " + accept + "\r\n\r\n");
    messages(socket, text => {
        console.log("message", text);
        if (!text.startsWith("the page")) {
            const answer = Buffer.from("you said " + text);
            socket.write(Buffer.concat([Buffer.from([0x81, answer.length]), answer]));
        }
    });
});
server.listen(Number(process.argv[2]), "127.0.0.1");
