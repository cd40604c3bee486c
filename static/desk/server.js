// Talking to the server. A failure of the network, a timeout or a server that is going down is
// `Unreachable`: try again, with the same ids. Everything else is an answer.

export class Unreachable extends Error {}

const PATIENCE_MS = 15000;

export async function post(path, body) {
  let answer, found;
  try {
    answer = await fetch(path, {
      method: "POST",
      headers: { Accept: "application/json", "Content-Type": "application/json" },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE_MS),
      credentials: "same-origin",
      redirect: "error",
    });
    found = answer.status === 204 ? null : await answer.json();
  } catch {
    throw new Unreachable();
  }
  if (answer.status >= 500 || answer.status === 429 || answer.status === 408) throw new Unreachable();
  return { ok: answer.ok, status: answer.status, body: found };
}
