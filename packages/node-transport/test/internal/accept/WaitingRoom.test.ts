import type { Arrival } from "../../../src/internal/accept/AcceptQueue.ts"
import { AcceptServer } from "../../../src/internal/accept/AcceptServer.ts"
import type { GateOptions } from "../../../src/internal/accept/Gate.ts"
import { type Beginning, tcpHandshakes, tlsOnly } from "../../../src/internal/accept/Handshakes.ts"
import type { Refusal } from "../../../src/internal/accept/Refusal.ts"
import { WaitingRoom } from "../../../src/internal/accept/WaitingRoom.ts"
import { secretHandshakes } from "../../../src/internal/secret/secretHandshakes.ts"
import { startTls } from "../../../src/internal/secret/secretTls.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Net from "node:net"
import { duplexPair } from "node:stream"
import { gateOptions } from "../gateOptions.ts"
import * as Sockets from "../sockets.ts"
import * as TlsSockets from "../tlsSockets.ts"

/** First bytes of a handshake of TLS that goes no further. */
const halfHello = Buffer.from("16030105dd010005d90303", "hex")

/** Starts a server of TLS. `raws` are its sockets of TCP. */
const setUp = (gate: GateOptions = gateOptions()) =>
  Effect.gen(function* () {
    const arrivals: Array<Arrival> = []
    const refusals: Array<Refusal> = []
    const raws: Array<Net.Socket> = []
    const { net } = yield* TlsSockets.server((arrival) => void arrivals.push(arrival), gate, {
      refused: (refusal) => void refusals.push(refusal),
    })
    net.on("connection", (raw: Net.Socket) => raws.push(raw))
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const raw of raws) raw.destroy()
      }),
    )
    /** Dials, and waits until the server has the socket. */
    const dial = Effect.gen(function* () {
      const count = raws.length
      const raw = yield* TlsSockets.dial(net)
      raw.resume()
      yield* Sockets.until(() => raws.length > count)
      return raw
    })
    /** Dials with a key. */
    const dialTls = (key = TlsSockets.key) =>
      Effect.map(dial, (raw) => {
        const tls = startTls(raw, key)
        tls.on("error", () => {})
        return tls
      })
    return { arrivals, dial, dialTls, net, raws, refusals }
  })

/** Returns the first bytes that a dialer with the key sends. */
const firstFlight = Effect.callback<Buffer>((resume) => {
  const [near, far] = duplexPair()
  const tls = startTls(near, TlsSockets.key)
  tls.on("error", () => {})
  far.once("data", (bytes: Buffer) => {
    tls.destroy()
    resume(Effect.succeed(bytes))
  })
})

describe("sockets before their handshake", () => {
  it.live("hold no place of a handshake while they are silent", () =>
    Effect.gen(function* () {
      const { arrivals, dial, dialTls } = yield* setUp(gateOptions({ handshakes: 1 }))
      for (let i = 0; i < 10; i++) yield* dial
      yield* dialTls()
      yield* Sockets.until(() => arrivals.length === 1)
    }),
  )

  it.live("are refused for a first byte that is not of TLS", () =>
    Effect.gen(function* () {
      const { arrivals, dial, refusals } = yield* setUp()
      for (const text of ["GET / HTTP/1.1\r\n\r\n", "\0", "\u0015"]) {
        const raw = yield* dial
        raw.write(text)
        yield* Sockets.until(() => raw.closed)
      }
      const refusal = { address: "127.0.0.1", reason: "plaintext" } as const
      assert.deepStrictEqual(refusals, [refusal, refusal, refusal])
      assert.strictEqual(arrivals.length, 0)
    }),
  )

  it.live("keep the bytes that were read, also if they arrive one by one", () =>
    Effect.gen(function* () {
      const { dial, refusals } = yield* setUp()
      const raw = yield* dial
      const answer = new Promise<Buffer>((resolve) => raw.once("data", resolve))
      for (const byte of yield* firstFlight) {
        yield* Effect.callback<void>((resume) => void raw.write(Buffer.of(byte), () => resume(Effect.void)))
      }
      // A message of the handshake, and no alert.
      assert.strictEqual((yield* Effect.promise(() => answer))[0], 0x16)
      assert.deepStrictEqual(refusals, [])
    }),
  )

  it.live("are read once before their turn", () =>
    Effect.gen(function* () {
      const { arrivals, dial, dialTls, raws } = yield* setUp(gateOptions({ handshakes: 1 }))
      const first = yield* dial
      first.write(halfHello)
      yield* Sockets.until(() => raws[0]?.bytesRead === halfHello.length)
      const flood = yield* dial
      flood.write(Buffer.of(0x16))
      yield* Sockets.until(() => raws[1]?.bytesRead === 1)
      flood.write(Buffer.alloc(4 * 1024 * 1024, 0x16))
      const waiting = yield* dialTls()
      yield* Sockets.until(() => (raws[2]?.bytesRead ?? 0) > 0)
      assert.strictEqual(raws[1]?.bytesRead, 1)
      first.destroy()
      yield* Sockets.until(() => arrivals.length === 1)
      waiting.destroy()
    }),
  )

  it.live("are refused at their deadline, also while others wait", () =>
    Effect.gen(function* () {
      const { dial, refusals } = yield* setUp(gateOptions({ handshakes: 1 }, { handshakeMillis: 100 }))
      const silent = yield* dial
      const half = yield* dial
      half.write(halfHello)
      const waiting = yield* dial
      waiting.write(halfHello)
      yield* Sockets.until(() => silent.closed && half.closed && waiting.closed)
      assert.deepStrictEqual(
        refusals.map(({ reason }) => reason),
        ["slow", "slow", "slow"],
      )
    }),
  )

  it.live("give way to newcomers of their host if they are silent", () =>
    Effect.gen(function* () {
      const { arrivals, dial, dialTls, refusals } = yield* setUp(gateOptions({ waitingPerHost: 2 }))
      const oldest = yield* dial
      const second = yield* dial
      yield* dialTls()
      yield* Sockets.until(() => oldest.closed && arrivals.length === 1)
      assert.deepStrictEqual(refusals, [{ address: "127.0.0.1", reason: "crowd" }])
      assert.isFalse(second.closed)
    }),
  )

  it.live("are not reported if their dialer goes away, at any time", () =>
    Effect.gen(function* () {
      const { dial, dialTls, raws, refusals } = yield* setUp()
      const hello = yield* firstFlight
      for (const bytes of [undefined, halfHello, hello]) {
        for (const leave of ["destroy", "end", "resetAndDestroy"] as const) {
          const raw = yield* dial
          if (bytes !== undefined) raw.write(bytes)
          raw[leave]()
        }
      }
      const tls = yield* dialTls()
      tls.destroy()
      yield* Sockets.until(() => raws.every((raw) => raw.destroyed))
      assert.deepStrictEqual(refusals, [])
    }),
  )

  it.live("are reported with the id of the key that they name, and with nothing else of theirs", () =>
    Effect.gen(function* () {
      const { dialTls, refusals } = yield* setUp()
      for (const id of ["abcdefghijkl", "no id\n", "x".repeat(200)]) {
        const tls = yield* dialTls({ id, psk: Redacted.make(new Uint8Array(32), { label: "psk" }) })
        yield* Sockets.until(() => tls.closed)
      }
      assert.deepStrictEqual(
        refusals.map(({ key, reason }) => [reason, key]),
        [
          ["secret", "abcdefghijkl"],
          ["secret", "unknown"],
          ["secret", "unknown"],
        ],
      )
    }),
  )

  it.live("of a muted host are refused, and those of a host that has proved itself are not", () =>
    Effect.gen(function* () {
      for (const isKnown of [false, true]) {
        const { arrivals, dialTls, net, refusals } = yield* setUp(gateOptions({ failures: 3 }))
        if (isKnown) yield* dialTls()
        yield* Sockets.until(() => arrivals.length === (isKnown ? 1 : 0))
        for (let i = 0; i < 5; i++) {
          // Node may report the reset before it reports that the socket is connected.
          const raw = yield* Sockets.attempt(net)
          raw.resume()
          raw.write("x")
          yield* Sockets.until(() => raw.closed)
        }
        const [last, ...others] = isKnown ? ["plaintext", "plaintext"] : ["rate", "rate"]
        assert.deepStrictEqual(
          refusals.map(({ reason }) => reason),
          ["plaintext", "plaintext", "plaintext", ...others, last],
        )
      }
    }),
  )
})

describe("a waiting room", () => {
  it.live("starts no handshake after it is closed", () =>
    Effect.gen(function* () {
      const raws: Array<Net.Socket> = []
      const started: Array<Net.Socket> = []
      const server = yield* Effect.acquireRelease(
        Effect.callback<AcceptServer<Arrival>>((resume) => {
          const beginning = tlsOnly<Arrival>({ start: (raw) => void started.push(raw) })
          const server = new AcceptServer({
            gate: gateOptions({ handshakes: 1, handshakesPerSecond: 1_000_000 }),
            beginning,
            observer: { refused: () => {} },
          })
          server.net.on("connection", (raw) => raws.push(raw))
          server.net.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close()),
      )
      const first = yield* TlsSockets.dial(server.net)
      yield* Sockets.until(() => raws.length === 1)
      const second = yield* TlsSockets.dial(server.net)
      second.write(halfHello)
      yield* Sockets.until(() => started.length === 1)
      first.write(halfHello)
      yield* Sockets.until(() => raws[0]?.bytesRead === halfHello.length)
      server.close()
      yield* Sockets.until(() => raws.every((raw) => raw.closed))
      assert.strictEqual(started.length, 1)
    }),
  )

  it("goes on after an exception in a handshake", () => {
    let started = 0
    const room = new WaitingRoom<Arrival>({
      gate: gateOptions({ handshakes: 3 }),
      choose: () => ({
        start: () => {
          if (++started === 1) throw new Error("a fault of a handshake")
        },
      }),
      deliver: () => {},
      refused: () => {},
    })
    const sockets = [new Net.Socket(), new Net.Socket()]
    for (const socket of sockets) room.enter(socket, "192.0.2.1")
    const [first, second] = sockets
    assert.throws(() => first?.emit("data", halfHello), "a fault of a handshake")
    second?.emit("data", halfHello)
    assert.strictEqual(started, 2)
    room.close()
  })
})

describe("a server that takes TLS and plain connections", () => {
  it.live("tells them apart by the first byte", () =>
    Effect.gen(function* () {
      const tls = tlsOnly<Arrival>(secretHandshakes((id) => (id === TlsSockets.key.id ? TlsSockets.key : undefined)))
      const beginning: Beginning<Arrival> = {
        _tag: "FirstByte",
        choose: (byte) => (byte === 0 ? tcpHandshakes : tls._tag === "FirstByte" ? tls.choose(byte) : undefined),
      }
      const arrivals: Array<Arrival> = []
      const gate = gateOptions()
      const server = yield* Effect.acquireRelease(
        Effect.callback<AcceptServer<Arrival>>((resume) => {
          const server = new AcceptServer({ gate, beginning, observer: { refused: () => {} } })
          server.net.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) =>
          Effect.sync(() => {
            server.close()
            for (const { raw } of arrivals) raw.destroy()
          }),
      )
      yield* Effect.forkScoped(
        server.run((arrival) => void arrivals.push(arrival)),
        { startImmediately: true },
      )
      const plain = Buffer.from("\0\0\0plain")
      for (let i = 0; i < 50; i++) {
        const raw = yield* TlsSockets.dial(server.net)
        if (i % 2 === 0) raw.write(plain)
        else startTls(raw, TlsSockets.key).on("error", () => {})
      }
      yield* Sockets.until(() => arrivals.length === 50)
      const plains = arrivals.filter(({ raw, socket }) => raw === socket)
      assert.strictEqual(plains.length, 25)
      for (const { socket } of plains) {
        const bytes = yield* Effect.callback<Buffer>((resume) => {
          socket.once("data", (bytes: Buffer) => resume(Effect.succeed(bytes)))
          socket.resume()
        })
        assert.deepStrictEqual(bytes, plain)
      }
    }),
  )

  it.live("does not know the host of a plain connection", () =>
    Effect.gen(function* () {
      const gate = gateOptions()
      const beginning: Beginning<Arrival> = { _tag: "FirstByte", choose: () => tcpHandshakes }
      const arrivals: Array<Arrival> = []
      const server = yield* Effect.acquireRelease(
        Effect.callback<AcceptServer<Arrival>>((resume) => {
          const server = new AcceptServer({ gate, beginning, observer: { refused: () => {} } })
          server.net.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close()),
      )
      yield* Effect.forkScoped(
        server.run((arrival) => void arrivals.push(arrival)),
        { startImmediately: true },
      )
      const raw = yield* TlsSockets.dial(server.net)
      raw.write("\0")
      yield* Sockets.until(() => arrivals.length === 1)
      assert.strictEqual(gate.known.size(), 0)
      arrivals[0]?.raw.destroy()
    }),
  )
})
