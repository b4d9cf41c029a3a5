/**
 * Sends the order without leaving the page, and has it approved in Stepwarden's own window.
 *
 * The window opens with the click, while the browser still sees it, and waits for the address. Without this script, where no
 * window may open, or if somebody likes it better, the form leads to the same page in this tab.
 */

const form = document.getElementById("order");
const wrong = document.getElementById("wrong");
const button = form.querySelector("button");
const inWindow = document.getElementById("window");
const SAID = {
  closed: "The window was closed, so nothing was sent.",
  cancelled: "You went back, so nothing was sent.",
  denied: "You said that it was not you, so nothing was sent.",
};

/** The bank has an answer of its own, and no window is needed. */
class Answered extends Error {
  constructor(said) {
    super("answered by the bank");
    this.said = said;
  }
}

async function ask() {
  const body = new URLSearchParams(new FormData(form));
  const answer = await fetch(form.action, { method: "POST", body, headers: { accept: "application/json" } });
  if (!answer.headers.get("content-type")?.startsWith("application/json")) throw new Answered({ wrong: "Please try again in a moment." });
  const said = await answer.json();
  if (!said.confirm) throw new Answered(said);
  return said.confirm;
}

function say(text) {
  wrong.textContent = text;
  wrong.hidden = false;
}

async function send(stepUp) {
  const { done, state } = form.dataset;
  try {
    const { challenge, code } = await stepUp(ask(), { returnTo: done, state });
    location.assign(`${done}?${new URLSearchParams({ challenge, code, state })}`);
  } catch (error) {
    if (error instanceof Answered && error.said.go) location.assign(error.said.go);
    else say(error.said?.wrong ?? SAID[error.code] ?? "Nothing was sent. Please try again.");
  }
}

const { stepUp } = await import(`${form.dataset.stepwarden}/static/step-up.js`);
inWindow.closest("label").hidden = false;
form.addEventListener("submit", async (event) => {
  if (!inWindow.checked) return;
  event.preventDefault();
  wrong.hidden = true;
  button.disabled = true;
  await send(stepUp);
  button.disabled = false;
});
