// A WebAuthn client by somebody else (nid-webauthn-emulator), as a process that is told what to do, line by line.
//
//     {"do": "create" | "get", "origin": "http://localhost:8700", "options": {...}}    ->    the credential as JSON
//
// One process is one device: it keeps what it has made. First line: how honest it is, {"verified": true}.
import { createInterface } from "node:readline";
import emulated from "nid-webauthn-emulator";

const { default: WebAuthnEmulator, AuthenticatorEmulator } = emulated;
let device = null;
for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  let answer = {};
  if (device === null) {
    // What the person does, not what the device could do, decides what it says of them.
    const interaction = (user) => ({ user, options: { uv: asked.verified, up: true } });
    device = new WebAuthnEmulator(
      new AuthenticatorEmulator({
        userMakeCredentialInteraction: interaction,
        userGetAssertionInteraction: interaction,
      }),
    );
  } else if (asked.do === "create") {
    answer = device.createJSON(asked.origin, asked.options);
  } else {
    answer = device.getJSON(asked.origin, asked.options);
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
