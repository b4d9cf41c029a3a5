// Passkeys: asks the browser to use one (a challenge) or to make one (the security page), and sends what it gave as a form.
// What goes wrong is said beside the button; the page stays, and every other way to confirm stays open.

const form = document.getElementById("passkey");
const said = document.getElementById("passkey-said");
let running = null;

/** @param {string} text in base64url */
function toBytes(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (one) => one.charCodeAt(0));
}

/** @param {ArrayBuffer} buffer */
function fromBytes(buffer) {
  const binary = Array.from(new Uint8Array(buffer), (one) => String.fromCharCode(one)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const withBytes = (known) => known?.map((one) => ({ ...one, id: toBytes(one.id) }));

/** The options as the browser takes them; by hand where it cannot read JSON itself (before 2023 to 2025). */
function readOptions(create) {
  const options = JSON.parse(form.dataset.options);
  if (create) {
    return (
      PublicKeyCredential.parseCreationOptionsFromJSON?.(options) ?? {
        ...options,
        challenge: toBytes(options.challenge),
        user: { ...options.user, id: toBytes(options.user.id) },
        excludeCredentials: withBytes(options.excludeCredentials),
      }
    );
  }
  return (
    PublicKeyCredential.parseRequestOptionsFromJSON?.(options) ?? {
      ...options,
      challenge: toBytes(options.challenge),
      allowCredentials: withBytes(options.allowCredentials),
    }
  );
}

/** What the browser gave, as JSON; by hand for browsers, and password managers, that cannot do it. */
function write(credential) {
  try {
    return JSON.stringify(credential.toJSON());
  } catch {
    const response = {};
    for (const name of ["clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject"]) {
      if (credential.response[name]) response[name] = fromBytes(credential.response[name]);
    }
    const transports = credential.response.getTransports?.();
    return JSON.stringify({
      id: credential.id,
      rawId: fromBytes(credential.rawId),
      type: credential.type,
      response: transports ? { ...response, transports } : response,
      authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
      clientExtensionResults: credential.getClientExtensionResults(),
    });
  }
}

/** The sentence for what went wrong. Browsers tell "cancelled" from "took too long" and "none here" on purpose not. */
function sentence(error) {
  const words = form.dataset;
  switch (error.name) {
    case "NotAllowedError":
      return words.cancelled;
    case "InvalidStateError":
      return words.known ?? words.none;
    case "NotSupportedError":
    case "ConstraintError":
      return words.none;
    default:
      return words.failed;
  }
}

async function run(button) {
  const create = form.classList.contains("create");
  running?.abort();
  const mine = (running = new AbortController());
  const text = button.textContent;
  said.hidden = true;
  button.setAttribute("aria-busy", "true");
  button.textContent = form.dataset.busy;
  try {
    const asked = { publicKey: readOptions(create), signal: mine.signal };
    const credential = await (create ? navigator.credentials.create(asked) : navigator.credentials.get(asked));
    form.elements.answer.value = write(credential);
    form.requestSubmit();
  } catch (error) {
    if (mine.signal.aborted) return;
    button.removeAttribute("aria-busy");
    button.textContent = text;
    said.textContent = sentence(error);
    said.hidden = false;
  }
}

if (form && window.PublicKeyCredential && navigator.credentials) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    if (form.elements.answer.value) return;
    event.preventDefault();
    run(form.querySelector("button"));
  });
  addEventListener("pagehide", () => running?.abort());
} else if (form) {
  document.getElementById("passkey-unsupported").hidden = false;
}
