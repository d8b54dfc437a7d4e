/**
 * The transport with a secret and other implementations of TLS: OpenSSL, GnuTLS and Python, as dialers and as acceptors. A test whose
 * program is not on this machine is skipped, and says why.
 */
import * as Address from "@coterie/core/Address"
import * as Keyring from "@coterie/node-transport/Keyring"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { accepting } from "../accepting.ts"
import { nodeOf, otherSecret, secret } from "../secretOutcomes.ts"
import * as Stacks from "./Stacks.ts"

const testTimeout = 60_000

const offerOf = Effect.fnUntraced(function* (secret: Redacted.Redacted<string>) {
  const [{ id, psk }] = yield* (yield* Keyring.make(secret)).ring
  return { identity: `coterie1:${id}`, psk: Redacted.value(psk) }
})

/** Offers that a node with the secret refuses. */
const wrongOffers = Effect.gen(function* () {
  const right = yield* offerOf(secret)
  return {
    "another secret": yield* offerOf(otherSecret),
    "the id with another key": { ...right, psk: Buffer.alloc(32, 7) },
    "the id without its prefix": { ...right, identity: right.identity.replace("coterie1:", "") },
  }
})

/** Defines a test that needs a program. Its title and output say why it is skipped. */
const given = (missing: string | undefined, name: string, test: () => Effect.Effect<void, unknown, Scope.Scope>) => {
  if (missing !== undefined) console.warn(`not tested: ${name}: ${missing}`)
  const title = missing === undefined ? name : `${name} (skipped: ${missing})`
  it.live.skipIf(missing !== undefined)(title, () => Effect.provide(test(), Logger.layer([])), testTimeout)
}

/** Starts a node with the secret that answers a line. */
const answering = Effect.gen(function* () {
  const { address, count } = yield* accepting(yield* Keyring.make(secret))
  return { count, port: Address.port(address) }
})

for (const stack of Stacks.stacks) {
  describe(`a node with a secret and ${stack.name}`, () => {
    given(stack.missing, `admits ${stack.name} with the secret, and nobody without it`, () =>
      Effect.gen(function* () {
        const { count, port } = yield* answering
        const right = yield* offerOf(secret)
        const id = right.identity.replace("coterie1:", "")
        assert.include(yield* Stacks.run(stack.dial(port, right), "hello"), `${id} read hello`)
        assert.strictEqual(yield* count, 1)
        for (const [name, offer] of Object.entries(yield* wrongOffers)) {
          const output = yield* Stacks.run(stack.dial(port, offer), "hello")
          assert.notInclude(output, "read hello", name)
          assert.strictEqual(yield* count, 0, name)
        }
      }),
    )

    given(stack.missing, `connects to ${stack.name} with the secret, and to nobody without it`, () =>
      Effect.gen(function* () {
        const node = yield* nodeOf()
        const right = yield* offerOf(secret)
        const connection = yield* node.connect(yield* Stacks.listen(stack, right))
        assert.deepStrictEqual(connection.identity, { _tag: "Secret", key: right.identity.replace("coterie1:", "") })
        yield* connection.write([Buffer.from("hello\n")])
        assert.include(String((yield* connection.pull)[0]), stack.answer)
        for (const [name, offer] of Object.entries(yield* wrongOffers)) {
          const error = yield* Effect.flip(node.connect(yield* Stacks.listen(stack, offer)))
          assert.strictEqual(error.reason, "unauthenticated", name)
        }
      }),
    )
  })
}

const [openssl, gnutls] = Stacks.stacks

describe("a dialer that would do without an ephemeral key exchange", () => {
  given(gnutls?.missing, "is refused if it offers nothing else, and gets an ephemeral exchange if it offers both", () =>
    Effect.gen(function* () {
      const { count, port } = yield* answering
      const offer = yield* offerOf(secret)
      assert.notInclude(yield* Stacks.run(Stacks.gnutlsClient(port, offer, "+PSK"), "hello"), "read hello")
      assert.strictEqual(yield* count, 0)
      const both = Stacks.gnutlsClient(port, offer, "+PSK:+ECDHE-PSK")
      assert.include(yield* Stacks.run(both, "hello"), "read hello")
    }),
  )

  given(openssl?.missing, "gets an ephemeral exchange if it is OpenSSL and offers both", () =>
    Effect.gen(function* () {
      const { port } = yield* answering
      const command = Stacks.sClient(port, yield* offerOf(secret), "-tls1_3", "-allow_no_dhe_kex")
      const output = yield* Stacks.run(command, "hello")
      assert.match(output, /Temp Key: \w+/)
      assert.include(output, "read hello")
    }),
  )
})

describe("a scan of a node with a secret", () => {
  given(openssl?.missing, "finds no version of TLS below 1.3", () =>
    Effect.gen(function* () {
      const { count, port } = yield* answering
      const offer = yield* offerOf(secret)
      for (const version of ["-tls1", "-tls1_1", "-tls1_2", "-no_tls1_3"]) {
        const command = Stacks.sClient(port, offer, version, "-cipher", "ALL:@SECLEVEL=0")
        // The number of the alert `protocol_version`, with which the node has refused the version.
        assert.include(yield* Stacks.run(command, "hello"), "SSL alert number 70", version)
      }
      assert.strictEqual(yield* count, 0)
    }),
  )

  given(openssl?.missing, "finds the two suites with SHA-256, and no compression and no renegotiation", () =>
    Effect.gen(function* () {
      const { port } = yield* answering
      const offer = yield* offerOf(secret)
      const scan = (suite: string) =>
        Stacks.run(Stacks.sClient(port, offer, "-tls1_3", "-ciphersuites", suite), "hello")
      for (const suite of ["TLS_AES_128_GCM_SHA256", "TLS_CHACHA20_POLY1305_SHA256"]) {
        const output = yield* scan(suite)
        for (const part of [
          `TLSv1.3, Cipher is ${suite}`,
          "Compression: NONE",
          "Secure Renegotiation IS NOT supported",
          "no peer certificate available",
          "read hello",
        ]) {
          assert.include(output, part)
        }
      }
      // The number of the alert `handshake_failure`.
      for (const suite of ["TLS_AES_256_GCM_SHA384", "TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"]) {
        assert.include(yield* scan(suite), "SSL alert number 40", suite)
      }
    }),
  )

  given(openssl?.missing, "resumes no session without the key, and gets no early data accepted", () =>
    Effect.gen(function* () {
      const { count, port } = yield* answering
      const offer = yield* offerOf(secret)
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "coterie-"))),
        (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true })),
      )
      const session = Path.join(folder, "session")
      const early = Path.join(folder, "early")
      Fs.writeFileSync(early, "early data\n")
      const first = yield* Stacks.run(Stacks.sClient(port, offer, "-tls1_3", "-sess_out", session), "hello")
      assert.include(first, "read hello")
      assert.strictEqual(yield* count, 1)
      // OpenSSL sends the id of a session even without tickets, so there is a session to try.
      assert.isAbove(Fs.statSync(session).size, 0)
      assert.include(first, "Max Early Data: 0")
      for (const args of [[], ["-early_data", early]]) {
        const resumed = ["openssl", "s_client", "-connect", `127.0.0.1:${port}`, "-tls1_3", "-ign_eof"] as const
        const output = yield* Stacks.run([...resumed, "-sess_in", session, ...args], "hello")
        assert.include(output, "SSL alert number 40")
        assert.notInclude(output, "Early data was accepted")
        assert.strictEqual(yield* count, 0)
      }
    }),
  )
})
