/** Attackers on the path between two nodes with a secret who change, record or redirect the handshake of TLS. */
import * as Address from "@coterie/core/Address"
import * as Keyring from "@coterie/node-transport/Keyring"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Net from "node:net"
import { accepting } from "../accepting.ts"
import { nodeOf, secret } from "../secretOutcomes.ts"
import * as Hello from "./Hello.ts"
import * as Middle from "./Middle.ts"

/** Lets a node dial another node through a man in the middle. */
const dialed = Effect.fnUntraced(function* (decide: Middle.Decide) {
  const keys = yield* Keyring.make(secret)
  const acceptor = yield* accepting(keys)
  const { address, middle } = yield* Middle.make
  middle.lead(acceptor.address)
  middle.use(decide)
  const outcome = yield* Effect.result((yield* nodeOf(keys)).connect(address))
  return { acceptor, middle, outcome }
})

const live = (name: string, test: () => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => Effect.provide(test(), Logger.layer([])))

/** Changes the first message of one side. */
const changing =
  (direction: Middle.Passing["direction"], change: (hello: Hello.Hello) => Hello.Hello): Middle.Decide =>
  (passing) => {
    if (passing.index !== 0 || passing.direction !== direction) return Middle.pass(passing)
    const changed = Hello.encode(change(Hello.decode(passing.bytes)))
    assert.notDeepEqual(changed, passing.bytes)
    return { bytes: [changed] }
  }

const x25519 = 0x001d
const p256 = 0x0017
const x25519MlKem768 = 0x11ec
const aes128 = 0x1301
const chacha20 = 0x1303

/** Returns the share of a group in the key shares of a ClientHello. */
const shareOf = (hello: Hello.Hello, group: number): Buffer => {
  const shares = Hello.extension(hello, Hello.keyShare)?.subarray(2) ?? Buffer.alloc(0)
  for (let at = 0; at < shares.length; at += 4 + shares.readUInt16BE(at + 2)) {
    if (shares.readUInt16BE(at) === group) return shares.subarray(at, at + 4 + shares.readUInt16BE(at + 2))
  }
  return Buffer.alloc(0)
}

const groups = (...numbers: ReadonlyArray<number>) => Hello.vector(2, Hello.uint16s(...numbers))

/** Changes of the ClientHello. */
const clientChanges: Record<string, (hello: Hello.Hello) => Hello.Hello> = {
  "TLS 1.3": (hello) => Hello.remove(hello, Hello.supportedVersions),
  "TLS 1.3, for TLS 1.2": (hello) =>
    Hello.replace(hello, Hello.supportedVersions, Hello.vector(1, Hello.uint16s(0x0303))),
  "all groups but one": (hello) => Hello.replace(hello, Hello.supportedGroups, groups(x25519)),
  "all groups but one, with its share": (hello) =>
    Hello.replace(
      Hello.replace(hello, Hello.supportedGroups, groups(x25519)),
      Hello.keyShare,
      Hello.vector(2, shareOf(hello, x25519)),
    ),
  "all shares, so that the acceptor asks for the share of another group": (hello) =>
    Hello.replace(Hello.replace(hello, Hello.supportedGroups, groups(p256)), Hello.keyShare, Hello.vector(2)),
  "all shares": (hello) => Hello.replace(hello, Hello.keyShare, Hello.vector(2)),
  "the list of shares": (hello) => Hello.remove(hello, Hello.keyShare),
  "the key": (hello) => Hello.remove(hello, Hello.preSharedKey),
  "the ephemeral key exchange": (hello) =>
    Hello.replace(hello, Hello.keyExchangeModes, Hello.vector(1, Buffer.from([0]))),
  "the modes of the key exchange": (hello) => Hello.remove(hello, Hello.keyExchangeModes),
  "the key, the shares and TLS 1.3": (hello) =>
    Hello.remove(Hello.remove(Hello.remove(hello, Hello.preSharedKey), Hello.keyShare), Hello.supportedVersions),
  "one suite": (hello) => ({ ...hello, suites: Hello.uint16s(chacha20) }),
  "every suite that both have": (hello) => ({ ...hello, suites: Hello.uint16s(0x1302) }),
}

/** Changes of the ServerHello. */
const serverChanges: Record<string, (hello: Hello.Hello) => Hello.Hello> = {
  "TLS 1.3": (hello) => Hello.remove(hello, Hello.supportedVersions),
  "the key": (hello) => Hello.remove(hello, Hello.preSharedKey),
  "the number of the key": (hello) => Hello.replace(hello, Hello.preSharedKey, Hello.uint16s(1)),
  "the share": (hello) => Hello.remove(hello, Hello.keyShare),
  "the suite": (hello) => ({
    ...hello,
    suites: Hello.uint16s(hello.suites.readUInt16BE(0) === aes128 ? chacha20 : aes128),
  }),
}

describe("a handshake on the path of an attacker", () => {
  live("succeeds if the attacker decodes its messages and encodes them again", () =>
    Effect.gen(function* () {
      const { acceptor, outcome } = yield* dialed((passing) => ({
        bytes: [passing.index === 0 ? Hello.encode(Hello.decode(passing.bytes)) : passing.bytes],
      }))
      assert.strictEqual(outcome._tag, "Success")
      assert.strictEqual(yield* acceptor.count, 1)
    }),
  )

  for (const [direction, changes, message] of [
    ["up", clientChanges, "ClientHello"],
    ["down", serverChanges, "ServerHello"],
  ] as const) {
    live(`fails at both ends if the attacker removes or changes a part of the ${message}`, () =>
      Effect.gen(function* () {
        for (const [part, change] of Object.entries(changes)) {
          const { acceptor, outcome } = yield* dialed(changing(direction, change))
          assert.strictEqual(outcome._tag === "Failure" ? outcome.failure.reason : "connected", "unauthenticated", part)
          assert.strictEqual(yield* acceptor.count, 0, part)
        }
      }),
    )
  }
})

describe("the first messages of two nodes", () => {
  live("have TLS 1.3, the two suites with SHA-256, an ephemeral exchange, and no early data", () =>
    Effect.gen(function* () {
      const messages: Array<Hello.Hello> = []
      yield* dialed((passing) => {
        if (passing.index === 0) messages.push(Hello.decode(passing.bytes))
        return Middle.pass(passing)
      })
      const [client, server] = messages
      if (client === undefined || server === undefined) return assert.fail("each side has a first message")
      assert.deepStrictEqual(Hello.extension(client, Hello.supportedVersions), Hello.vector(1, Hello.uint16s(0x0304)))
      assert.deepStrictEqual(client.suites.subarray(0, 4), Hello.uint16s(aes128, chacha20))
      assert.include([4, 6], client.suites.length)
      assert.deepStrictEqual(Hello.extension(client, Hello.keyExchangeModes), Hello.vector(1, Buffer.from([1])))
      assert.isUndefined(Hello.extension(client, Hello.earlyData))
      assert.deepStrictEqual(Hello.extension(server, Hello.supportedVersions), Hello.uint16s(0x0304))
      assert.deepStrictEqual(Hello.extension(server, Hello.preSharedKey), Hello.uint16s(0))
      const [major = 0, minor = 0] = (process.versions.openssl ?? "").split(".").map(Number)
      const hasHybrid = major > 3 || (major === 3 && minor >= 5)
      const group = hasHybrid ? x25519MlKem768 : x25519
      assert.strictEqual(Hello.extension(server, Hello.keyShare)?.readUInt16BE(0), group)
    }),
  )
})

describe("a dialer with the key that offers no ephemeral exchange", () => {
  live("gets no answer", () =>
    Effect.gen(function* () {
      const keys = yield* Keyring.make(secret)
      const [{ psk }] = yield* keys.ring
      const hellos: Array<Hello.Hello> = []
      const { acceptor } = yield* dialed((passing) => {
        if (passing.direction === "up" && passing.index === 0) hellos.push(Hello.decode(passing.bytes))
        return Middle.pass(passing)
      })
      const [hello] = hellos
      if (hello === undefined) return assert.fail("a dialer has a first message")
      yield* acceptor.count
      for (const [modes, answer] of [
        [[1], Middle.handshake],
        [[0, 1], Middle.handshake],
        [[0], Middle.alert],
      ] as const) {
        const changed = Hello.replace(
          { ...hello, random: Buffer.alloc(32, 7) },
          Hello.keyExchangeModes,
          Hello.vector(1, Buffer.from(modes)),
        )
        const bytes = yield* answerTo(acceptor.address, Hello.encode(Hello.bind(changed, Redacted.value(psk))))
        assert.strictEqual(bytes[0], answer, String(modes))
        // The mode with an ephemeral exchange has a share in its answer.
        if (answer === Middle.handshake) assert.isDefined(Hello.extension(Hello.decode(bytes), Hello.keyShare))
        assert.strictEqual(yield* acceptor.count, 0)
      }
    }),
  )
})

/** Sends bytes on a connection of its own. Returns the first bytes of the answer. */
const answerTo = (address: Address.Address, bytes: Buffer) =>
  Effect.callback<Buffer>((resume) => {
    const socket = Net.connect({ host: "127.0.0.1", port: Address.port(address) }, () => socket.write(bytes))
    socket.on("error", () => {})
    socket.once("data", (answer: Buffer) => resume(Effect.succeed(answer)))
    socket.once("close", () => resume(Effect.succeed(Buffer.alloc(0))))
    return Effect.sync(() => socket.destroy())
  })
