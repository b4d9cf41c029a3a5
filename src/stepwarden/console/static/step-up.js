/**
 * Step-up for an application's page: opens Stepwarden's page in a window of its own, and gives back what came of it.
 *
 *     import { stepUp, StepUpError } from "https://warden.example.com/static/step-up.js";
 *
 *     button.addEventListener("click", async () => {
 *       const { challenge, code } = await stepUp(answer.challenge.url);
 *       await fetch("/transfer/confirm", { method: "POST", body: JSON.stringify({ challenge, code }) });
 *     });
 *
 * It is a window and never a frame: in a frame the application could lay something over the page, and people could not see
 * whose page it is. The application's origin has to be registered with Stepwarden, else nothing comes back.
 */

const OURS = new URL(import.meta.url).origin;
const WIDTH = 480;
const HEIGHT = 760;
const GRACE = 500;

/**
 * Why a step-up came to nothing. `code` is one of: "blocked" (the browser allowed no window, and there was no `returnTo`),
 * "closed" (the window was closed, or the challenge is over), "cancelled", "denied" (the person says it was not them), "aborted".
 */
export class StepUpError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "StepUpError";
    this.code = code;
  }
}

/**
 * @param {string | Promise<string>} url of the challenge. A promise is best where the address is fetched after the click:
 *   the window opens at once, while the browser still sees the click, and waits for the address.
 * @param {object} [options]
 * @param {string} [options.returnTo] where to go instead, in this window, if the browser allows no other. Your page there
 *   gets `challenge`, `code` and `state` in its address.
 * @param {string} [options.state] comes back unchanged; a random one if you give none.
 * @param {string} [options.lang] "en" or "de"; otherwise the browser's languages decide.
 * @param {AbortSignal} [options.signal] closes the window.
 * @returns {Promise<{challenge: string, code: string, state: string}>} `code` is good once, for two minutes, and only together with
 *   your server's key: send it there.
 */
export async function stepUp(url, { returnTo, state = randomState(), lang, signal } = {}) {
  if (signal?.aborted) throw new StepUpError("aborted", "the step-up was aborted");
  const popup = window.open("", "stepwarden", features());
  if (!popup) {
    if (!returnTo) throw new StepUpError("blocked", "the browser allowed no window; give `returnTo` to go there instead");
    location.assign(address(await url, { return_to: new URL(returnTo, location.href).href, state, lang }));
    return new Promise(() => {}); // this page is on its way out
  }
  popup.focus();
  try {
    // The way back only names our origin to Stepwarden here; nobody goes there while this window listens.
    const way = new URL(returnTo ?? "/", location.href).href;
    popup.location.replace(address(await url, { return_to: way, state, mode: "popup", lang }));
    return await answer(popup, state, signal);
  } finally {
    popup.close();
    window.focus();
  }
}

/** The challenge's address with these fields. It has to be a page of the server that this module came from. */
function address(url, fields) {
  const found = new URL(url);
  if (found.origin !== OURS) throw new TypeError(`not a page of ${OURS}`);
  for (const [name, value] of Object.entries(fields)) if (value) found.searchParams.set(name, value);
  return found.href;
}

/** Waits for the one message that counts: from that very window, from our origin, with our state. */
function answer(popup, state, signal) {
  return new Promise((resolve, reject) => {
    const end = (settle, value) => {
      removeEventListener("message", hear);
      signal?.removeEventListener("abort", abort);
      clearInterval(watch);
      settle(value);
    };
    const hear = ({ source, origin, data }) => {
      if (source !== popup || origin !== OURS || data?.type !== "stepwarden" || data.state !== state) return;
      if (data.code) end(resolve, { challenge: data.challenge, code: data.code, state });
      else end(reject, new StepUpError(data.error, "it was not confirmed"));
    };
    const abort = () => end(reject, new StepUpError("aborted", "the step-up was aborted"));
    // A window that closes by itself has sent its message just before: it may still be on its way.
    const watch = setInterval(() => {
      if (!popup.closed) return;
      clearInterval(watch);
      setTimeout(() => end(reject, new StepUpError("closed", "the window was closed")), GRACE);
    }, 250);
    addEventListener("message", hear);
    signal?.addEventListener("abort", abort);
  });
}

function randomState() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (one) => one.toString(16).padStart(2, "0")).join("");
}

/** In the middle of the window that asks. */
function features() {
  const left = Math.round(window.screenX + (window.outerWidth - WIDTH) / 2);
  const top = Math.round(window.screenY + (window.outerHeight - HEIGHT) / 2);
  return `popup,width=${WIDTH},height=${HEIGHT},left=${Math.max(0, left)},top=${Math.max(0, top)}`;
}
