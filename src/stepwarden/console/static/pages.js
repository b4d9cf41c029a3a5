// What the pages do beyond what HTML does by itself. Without this file everything still works, except passkeys.

const id = (name) => document.getElementById(name);
const json = { headers: { accept: "application/json" }, credentials: "same-origin", cache: "no-store" };

/** Times in the reader's own zone, in the page's language. */
function showLocalTimes() {
  const language = document.documentElement.lang;
  const locale = navigator.language.startsWith(language) ? navigator.language : language === "en" ? "en-GB" : language;
  const styles = {
    clock: { timeStyle: "short" },
    day: { dateStyle: "medium" },
    moment: { dateStyle: "medium", timeStyle: "short" },
  };
  for (const time of document.querySelectorAll("time")) {
    time.textContent = new Intl.DateTimeFormat(locale, styles[time.className]).format(new Date(time.dateTime));
  }
}

/** Counts down; screen readers are told a minute, half a minute and ten seconds before the end, not every second. */
function countDown() {
  const expiry = id("expiry");
  if (!expiry) return;
  // By the clock on the wall, not by ticks: those stand still while a device sleeps.
  const end = Date.now() + Number(expiry.dataset.seconds) * 1000;
  let told = Infinity;
  const tick = () => {
    const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    id("expiry-left").textContent = expiry.dataset.left
      .replace("{minutes}", Math.floor(left / 60))
      .replace("{seconds}", String(left % 60).padStart(2, "0"));
    const mark = [10, 30, 60].find((one) => left <= one && one < told);
    if (mark && left > 0) {
      told = mark;
      id("expiry-soon").textContent = expiry.dataset.soon.replace("{seconds}", left);
    }
    if (left === 0) {
      clearInterval(timer);
      close();
    }
  };
  const close = () => {
    const over = id("over");
    if (!over) return location.reload();
    id("ways").hidden = true;
    expiry.hidden = true;
    over.hidden = false;
    id("over-title").focus();
  };
  const timer = setInterval(tick, 1000);
  tick();
}

/** "Send again" only after a while, so that impatience does not use up what may be sent. */
function holdResend() {
  const button = document.querySelector("button[data-after]");
  if (!button) return;
  const text = button.textContent;
  const end = Date.now() + Number(button.dataset.after) * 1000;
  button.disabled = true;
  const tick = () => {
    const left = Math.ceil((end - Date.now()) / 1000);
    if (left > 0) {
      button.textContent = button.dataset.text.replace("{seconds}", left);
      return;
    }
    clearInterval(timer);
    button.textContent = text;
    button.disabled = false;
  };
  const timer = setInterval(tick, 1000);
  tick();
}

/** One click sends one form. The box "remember this device" stands on a page once and counts for each of its forms. */
function watchForms() {
  const sent = new WeakSet();
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    const form = event.target;
    if (sent.has(form)) return event.preventDefault();
    sent.add(form);
    const remember = form.querySelector("input[type=hidden][name=remember]");
    if (remember) remember.value = id("remember")?.checked ? "on" : "";
    event.submitter?.setAttribute("aria-busy", "true");
  });
}

/** A push: asks every two seconds what has become of it. */
async function waitForPush() {
  const wait = id("wait");
  if (!wait) return;
  const said = id("wait-said");
  const waiting = said.textContent;
  for (;;) {
    await new Promise((done) => setTimeout(done, 2000));
    try {
      const answer = await (await fetch(location.href, json)).json();
      if (answer.next) return location.replace(answer.next);
      if (said.textContent !== waiting) said.textContent = waiting;
    } catch {
      said.textContent = wait.dataset.lost;
    }
  }
}

/** Tells the window that opened this one, and nobody else: the browser delivers it to that one origin only. */
function tell(origin, message) {
  if (!window.opener) return false;
  window.opener.postMessage({ type: "stepwarden", ...message }, origin);
  setTimeout(() => window.close(), 150);
  return true;
}

/** A popup, after it was confirmed. The code comes by fetch, so that it stands in no page. */
async function finishPopup() {
  const done = id("done");
  if (!done) return;
  const go = id("go").href;
  if (!window.opener) return location.replace(go);
  try {
    const answer = await (await fetch(location.href, json)).json();
    if (answer.code) tell(done.dataset.app, answer);
    else location.replace(answer.next);
  } catch {
    location.replace(go);
  }
}

/** A popup that ends otherwise: whoever follows a link back tells the application why. */
function leavePopup() {
  const popup = id("popup");
  if (!popup?.dataset.error) return;
  const { app, challenge, state } = popup.dataset;
  for (const link of document.querySelectorAll("#back, #over a")) {
    const error = link.id === "back" ? popup.dataset.error : "closed";
    link.addEventListener("click", (event) => {
      if (tell(app, { challenge, state, error })) event.preventDefault();
    });
  }
}

/** Recovery codes as a file, or on paper. */
function offerCodes() {
  const tools = id("codes-tools");
  if (!tools) return;
  tools.hidden = false;
  id("codes-print").addEventListener("click", () => window.print());
  id("codes-save").addEventListener("click", (event) => {
    const title = document.querySelector(".printed").textContent;
    const codes = [...document.querySelectorAll("#codes code")].map((one) => one.textContent);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([[title, "", ...codes, ""].join("\n")], { type: "text/plain" }));
    link.download = event.target.dataset.file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

const again = id("reload");
if (again) setTimeout(() => location.reload(), Number(again.dataset.seconds) * 1000);
// A page that the browser kept for the back button shows what was true then.
addEventListener("pageshow", (event) => event.persisted && location.reload());
showLocalTimes();
countDown();
holdResend();
watchForms();
offerCodes();
leavePopup();
waitForPush();
finishPopup();
