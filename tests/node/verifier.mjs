// An outsider's check of one approval that is in a log, by a WebAuthn server library of somebody else's.
//
//     {"nonce": hex, "proof": "authenticatorData.clientDataJSON.signature", "publicKey", "rpId", "origin", "credential",
//      "before": the counter before}    ->    {"counter": ..., "verified": true}, or exit code 1 with the reason
//
// All of it is in the log, but the origin, which the outsider knows.
import { webcrypto } from "node:crypto";
import { text } from "node:stream/consumers";

globalThis.crypto ??= webcrypto; // Node 18 has it, but not there
const { verifyAuthenticationResponse } = await import("@simplewebauthn/server");

const given = JSON.parse(await text(process.stdin));
const [authenticatorData, clientDataJSON, signature] = given.proof.split(".");
try {
  const found = await verifyAuthenticationResponse({
    response: {
      id: given.credential,
      rawId: given.credential,
      type: "public-key",
      clientExtensionResults: {},
      response: { authenticatorData, clientDataJSON, signature },
    },
    expectedChallenge: Buffer.from(given.nonce, "hex").toString("base64url"),
    expectedOrigin: given.origin,
    expectedRPID: given.rpId,
    credential: {
      id: given.credential,
      publicKey: new Uint8Array(Buffer.from(given.publicKey, "base64url")),
      counter: given.before,
    },
    requireUserVerification: true,
  });
  const { newCounter, userVerified } = found.authenticationInfo;
  process.stdout.write(JSON.stringify({ verified: found.verified && userVerified, counter: newCounter }));
  process.exitCode = found.verified ? 0 : 1;
} catch (error) {
  process.stderr.write(error.message);
  process.exitCode = 1;
}
