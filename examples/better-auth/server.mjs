import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { toNodeHandler } from "better-auth/node";
import { createAuth } from "./auth.mjs";

const { DASHD_URL, DASHD_API_KEY, BETTER_AUTH_SECRET, PORT = "3000", E2E } = process.env;
if (!DASHD_URL || !DASHD_API_KEY) {
  console.error("Set DASHD_URL and DASHD_API_KEY: dashd prints both on its first start.");
  process.exit(2);
}

// Mail goes to the terminal, and for the end-to-end test to GET /test/outbox.
const outbox = [];
const sendMail = (mail) => {
  console.log(`mail to ${mail.to}: ${mail.subject}: ${mail.link}`);
  if (E2E === "1") outbox.push(mail);
};

const server = createServer();
server.listen(Number(PORT), "127.0.0.1", () => {
  // Only now is the port known, if PORT was 0.
  const url = `http://127.0.0.1:${server.address().port}`;
  const auth = createAuth({
    baseURL: url,
    // The users live in memory, so a secret that does too is no loss.
    secret: BETTER_AUTH_SECRET ?? randomBytes(32).toString("base64url"),
    dashdUrl: DASHD_URL,
    dashdApiKey: DASHD_API_KEY,
    sendMail,
  });
  const handleAuth = toNodeHandler(auth);

  server.on("request", (req, res) => {
    if (req.url.startsWith("/api/auth/")) return handleAuth(req, res);
    if (E2E === "1" && req.url === "/test/outbox") {
      res.setHeader("content-type", "application/json");
      return res.end(JSON.stringify(outbox));
    }
    res.statusCode = req.url === "/" ? 200 : 404;
    res.end(req.url === "/" ? "Sign up at POST /api/auth/sign-up/email\n" : "not found\n");
  });
  console.log(`listening on ${url}`);
});

// Stop listening and let events that are still on their way arrive.
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => {
    server.close();
    server.closeIdleConnections();
  });
}
