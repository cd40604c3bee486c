// Requests to the server. A lost network, a timeout or a server that is going down is `Unreachable`: send
// the same again, with the same ids. Everything else is an answer.

export class Unreachable extends Error {}

const TIMEOUT_MS = 15000;
let clockOffset = 0; // of the server's clock, whose leases do not depend on this computer's

/** Milliseconds since the epoch by the server's clock, to the second. */
export function serverNow() {
  return Date.now() + clockOffset;
}

export async function post(path, body) {
  const { answer, json } = await request(path, body);
  const date = Date.parse(answer.headers.get("date"));
  if (date && Math.abs(date - serverNow()) > 2000) clockOffset = date - Date.now();
  if (answer.status >= 500 || answer.status === 429 || answer.status === 408) throw new Unreachable();
  return { ok: answer.ok, status: answer.status, body: json };
}

async function request(path, body) {
  try {
    const answer = await fetch(path, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
      credentials: "same-origin",
      redirect: "error",
    });
    return { answer, json: answer.status === 204 ? null : await answer.json() };
  } catch {
    throw new Unreachable();
  }
}
