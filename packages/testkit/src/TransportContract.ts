/**
 * The contract of `Transport`, as tests: what the doc comment of that module promises, checked for any
 * implementation. Whoever writes a transport runs it:
 *
 * ```ts
 * TransportContract.suite({ name: "my transport", live: true, world: Effect.succeed({ ... }) })
 * ```
 *
 * The tests wait for events and never for time. Under `it.effect` (`live: false`) nobody adjusts the
 * clock, so the transport must not need it.
 */
import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Random from "effect/Random"
import * as Scope from "effect/Scope"

/** Somebody who is not one of the transports under test. */
export interface Stranger {
  /** He accepts connections here and reads nothing. */
  readonly address: Address.Address
  /** Waits until he has a connection, then loses all that he has, as a crashing host does. */
  readonly reset: Effect.Effect<void>
}

/** What the tests need to know about a transport. */
export interface World {
  /** The transport of a new node that listens on the port. All are at one host. */
  readonly transport: (port: number) => Layer.Layer<Transport.Transport>
  readonly stranger: Effect.Effect<Stranger, never, Scope.Scope>
  /** How many connections and listeners are open: more than before means a leak. */
  readonly open: Effect.Effect<number>
}

/** What is tested, and how. */
export interface Options {
  readonly name: string
  /** Whether the transport needs real time. */
  readonly live: boolean
  /** Made anew for each test. */
  readonly world: Effect.Effect<World, never, Scope.Scope>
  /** Runs a test somewhere else, such as inside of a simulation. Default: where `it` runs it. */
  readonly run?: ((test: Effect.Effect<void, unknown>) => Effect.Effect<void, unknown>) | undefined
  /** Lets others go on before a test looks again. Default: `Effect.yieldNow`, which lets no virtual time pass. */
  readonly pause?: Effect.Effect<void> | undefined
}

type Service = Transport.Transport["Service"]

/** Registers the tests. */
export const suite = (options: Options): void => {
  const test = options.live ? it.live : it.effect
  const pause = options.pause ?? Effect.yieldNow

  /** A test after which nothing may be open that was not before. */
  const check = <E>(name: string, body: (world: World) => Effect.Effect<void, E, Scope.Scope>): void =>
    test(name, () =>
      Effect.gen(function* () {
        const world = yield* options.world
        const before = yield* world.open
        yield* Effect.scoped(body(world))
        yield* eventually(Effect.map(world.open, (open) => open <= before))
      }).pipe(Random.withSeed(name), Effect.scoped, options.run ?? ((test) => test)),
    )

  /** Waits until it is so; if it never is, the test runs into its timeout. */
  const eventually = <E, R>(condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
    Effect.flatMap(condition, (holds) =>
      holds
        ? Effect.void
        : Effect.andThen(
            pause,
            Effect.suspend(() => eventually(condition)),
          ),
    )

  describe(`${options.name} keeps the contract of Transport`, () => {
    check("bytes arrive in order and whole, in both directions at once", (world) =>
      Effect.gen(function* () {
        const { acceptor, dialer } = yield* connected(world)
        const received = yield* Effect.all(
          [sendAll(dialer, 700_000), sendAll(acceptor, 500_000), receiveAll(dialer), receiveAll(acceptor)],
          { concurrency: "unbounded" },
        )
        assert.deepStrictEqual(received.slice(2), [500_000, 700_000])
      }),
    )

    check("8 MiB arrive whole", (world) =>
      Effect.gen(function* () {
        const { acceptor, dialer } = yield* connected(world)
        const size = 8 * 1024 * 1024
        const sender = yield* Effect.forkScoped(
          Effect.gen(function* () {
            // In one write, larger than any buffer.
            yield* dialer.write([pattern(0, size)])
            yield* dialer.end
          }),
        )
        assert.strictEqual(yield* receiveAll(acceptor), size)
        yield* Fiber.join(sender)
      }),
    )

    check("pull ends with Done after the last byte, and stays so", (world) =>
      Effect.gen(function* () {
        const { acceptor, dialer } = yield* connected(world)
        yield* dialer.write([pattern(0, 10), pattern(10, 20)])
        yield* dialer.end
        assert.strictEqual(yield* receiveAll(acceptor), 30)
        assert.strictEqual(yield* next(acceptor), "done")
      }),
    )

    check("an empty write and an empty chunk are nothing", (world) =>
      Effect.gen(function* () {
        const { acceptor, dialer } = yield* connected(world)
        yield* dialer.write([new Uint8Array(0)])
        yield* dialer.write([pattern(0, 3), new Uint8Array(0), pattern(3, 3)])
        yield* dialer.write([new Uint8Array(0)])
        yield* dialer.end
        assert.strictEqual(yield* receiveAll(acceptor), 6)
      }),
    )

    check("after end, reading goes on", (world) =>
      Effect.gen(function* () {
        const { acceptor, dialer } = yield* connected(world)
        yield* dialer.write([pattern(0, 1000)])
        yield* dialer.end
        // The answer is written when the question has ended.
        assert.strictEqual(yield* receiveAll(acceptor), 1000)
        yield* Effect.forkScoped(sendAll(acceptor, 300_000))
        assert.strictEqual(yield* receiveAll(dialer), 300_000)
      }),
    )

    check("after end at the accepting side, its reading goes on", (world) =>
      Effect.gen(function* () {
        const { acceptor, dialer } = yield* connected(world)
        yield* acceptor.end
        assert.strictEqual(yield* next(dialer), "done")
        yield* Effect.forkScoped(sendAll(dialer, 300_000))
        assert.strictEqual(yield* receiveAll(acceptor), 300_000)
      }),
    )

    check("a write after end fails, and end again is nothing", (world) =>
      Effect.gen(function* () {
        const { acceptor, dialer } = yield* connected(world)
        yield* dialer.write([pattern(0, 5)])
        yield* dialer.end
        yield* dialer.end
        assert.strictEqual(yield* reasonOf(dialer.write([pattern(5, 5)])), "closed")
        assert.strictEqual(yield* receiveAll(acceptor), 5)
      }),
    )

    check("a lost connection fails pull and write", (world) =>
      Effect.gen(function* () {
        const node = yield* nodeOf(world)
        const stranger = yield* world.stranger
        const connection = yield* node.connect(stranger.address)
        const pulling = yield* Effect.forkScoped(next(connection), { startImmediately: true })
        yield* stranger.reset
        assert.strictEqual(yield* Fiber.join(pulling), "closed")
        assert.strictEqual(yield* next(connection), "closed")
        assert.strictEqual(yield* reasonOf(connection.write([pattern(0, 1)])), "closed")
        yield* connection.end
      }),
    )

    check("a lost connection fails a write that waits", (world) =>
      Effect.gen(function* () {
        const node = yield* nodeOf(world)
        const stranger = yield* world.stranger
        const connection = yield* node.connect(stranger.address)
        const writing = yield* Effect.forkScoped(reasonOf(Effect.forever(connection.write([pattern(0, 65_536)]))), {
          startImmediately: true,
        })
        yield* stranger.reset
        assert.strictEqual(yield* Fiber.join(writing), "closed")
      }),
    )

    check("a write waits while the other end does not pull, and goes on when it does", (world) =>
      Effect.gen(function* () {
        const { acceptor, client, dialer, listener } = yield* connected(world)
        // More than the buffers of any system hold.
        const size = 64 * 1024 * 1024
        let written = 0
        const writing = yield* Effect.forkScoped(
          Effect.gen(function* () {
            for (; written < size; written += 65_536) yield* dialer.write([pattern(written, 65_536)])
            yield* dialer.end
          }),
          { startImmediately: true },
        )
        // Other connections come and go until no more is written meanwhile.
        for (let seen = -1, quiet = 0; quiet < 10;) {
          quiet = seen === written ? quiet + 1 : 0
          seen = written
          yield* Effect.scoped(Effect.flatMap(client.connect(listener.address), (other) => next(other)))
        }
        assert.isUndefined(writing.pollUnsafe(), "64 MiB were written and nobody has pulled")
        assert.strictEqual(yield* receiveAll(acceptor), size)
        yield* Fiber.join(writing)
      }),
    )

    check("an array may be used again as soon as the write of it has succeeded", (world) =>
      Effect.gen(function* () {
        const { acceptor, dialer } = yield* connected(world)
        const size = 16 * 1024 * 1024
        // Less than any network would say is too much.
        const reused = new Uint8Array(4_096)
        // Nobody pulls yet, so that writes have to wait.
        yield* Effect.forkScoped(
          Effect.gen(function* () {
            for (let at = 0; at < size; at += reused.length) {
              reused.set(pattern(at, reused.length))
              yield* dialer.write([reused.subarray(0, 5), reused.subarray(5)])
              reused.fill(0)
            }
            yield* dialer.end
          }),
          { startImmediately: true },
        )
        assert.strictEqual(yield* receiveAll(acceptor), size)
      }),
    )

    check("what was pulled is the caller's, also the memory below an array that fills it", (world) =>
      Effect.gen(function* () {
        const { acceptor, dialer } = yield* connected(world)
        const size = 2 * 1024 * 1024
        const sent = pattern(0, size)
        yield* Effect.forkScoped(Effect.andThen(dialer.write([sent]), dialer.end))
        let at = 0
        for (
          let exit = yield* Effect.exit(acceptor.pull);
          Exit.isSuccess(exit);
          exit = yield* Effect.exit(acceptor.pull)
        ) {
          at = verify(at, exit.value)
          for (const chunk of exit.value) {
            chunk.fill(0)
            if (chunk.length === chunk.buffer.byteLength && chunk.buffer instanceof ArrayBuffer)
              chunk.buffer.transfer(0)
          }
        }
        assert.strictEqual(at, size)
        verify(0, [sent])
      }),
    )

    check("an interrupted write does not tear what was written", (world) =>
      Effect.gen(function* () {
        const { acceptor, dialer } = yield* connected(world)
        const size = 16 * 1024 * 1024
        const writing = yield* Effect.forkScoped(dialer.write([pattern(0, size)]), { startImmediately: true })
        yield* Fiber.interrupt(writing)
        yield* dialer.end
        assert.strictEqual(yield* receiveAll(acceptor), size)
      }),
    )

    check("an interrupted pull loses nothing", (world) =>
      Effect.gen(function* () {
        const { acceptor, dialer } = yield* connected(world)
        const size = 400_000
        yield* Effect.forkScoped(sendAll(dialer, size))
        let at = 0
        let interrupted = 0
        for (let open = true; open;) {
          const pulling = yield* Effect.forkChild(acceptor.pull, { startImmediately: true })
          for (let i = yield* Random.nextIntBetween(0, 3); i > 0; i--) yield* Effect.yieldNow
          yield* Fiber.interrupt(pulling)
          const exit = yield* Fiber.await(pulling)
          if (Exit.isSuccess(exit)) at = verify(at, exit.value)
          else if (Cause.hasInterruptsOnly(exit.cause)) {
            interrupted++
            yield* pause
          } else open = false
        }
        assert.strictEqual(at, size)
        assert.isAbove(interrupted, 0)
      }),
    )

    check("an interrupted connect leaves no connection", (world) =>
      Effect.gen(function* () {
        const server = yield* nodeOf(world)
        const client = yield* nodeOf(world)
        const listener = yield* server.listen
        yield* Effect.forkScoped(listener.run(untilEnd))
        const before = yield* world.open
        for (let i = 0; i < 60; i++) {
          // The scope of an interrupted one stays open, so only the interrupt can have closed what was dialed.
          const scope = yield* Scope.fork(yield* Effect.scope)
          const dialing = yield* Effect.forkChild(Scope.provide(client.connect(listener.address), scope), {
            startImmediately: true,
          })
          for (let yields = i % 20; yields > 0; yields--) yield* Effect.yieldNow
          yield* Fiber.interrupt(dialing)
          if (Exit.isSuccess(yield* Fiber.await(dialing))) yield* Scope.close(scope, Exit.void)
        }
        yield* eventually(Effect.map(world.open, (open) => open <= before))
      }),
    )

    check("a closed connection is closed at both ends", (world) =>
      Effect.gen(function* () {
        const { acceptor, close, dialer } = yield* connected(world)
        const pulling = yield* Effect.forkScoped(next(dialer), { startImmediately: true })
        yield* close
        assert.strictEqual(yield* Fiber.join(pulling), "closed")
        assert.strictEqual(yield* next(dialer), "closed")
        assert.strictEqual(yield* reasonOf(dialer.write([pattern(0, 1)])), "closed")
        yield* dialer.end
        assert.strictEqual(yield* next(acceptor), "done")
      }),
    )

    check("closing sends what was written, though the other end had written, too", (world) =>
      Effect.gen(function* () {
        const { acceptor, close, dialer } = yield* connected(world)
        // Few enough for any buffer: nobody pulls yet.
        yield* acceptor.write([pattern(0, 4000)])
        yield* dialer.write([pattern(0, 4000)])
        yield* close
        assert.strictEqual(yield* receiveAll(acceptor), 4000)
      }),
    )

    check("closing sends what an interrupted write had left", (world) =>
      Effect.gen(function* () {
        const { acceptor, close, dialer } = yield* connected(world)
        const size = 4 * 1024 * 1024
        const writing = yield* Effect.forkScoped(dialer.write([pattern(0, size)]), { startImmediately: true })
        yield* Fiber.interrupt(writing)
        yield* close
        assert.strictEqual(yield* receiveAll(acceptor), size)
      }),
    )

    check("a connection closes when its handler ends", (world) =>
      Effect.gen(function* () {
        const { acceptor, dialer, release } = yield* connected(world)
        yield* acceptor.write([pattern(0, 9)])
        yield* release
        assert.strictEqual(yield* receiveAll(dialer), 9)
      }),
    )

    check("a connect is refused where nobody listens", (world) =>
      Effect.gen(function* () {
        const server = yield* nodeOf(world)
        const client = yield* nodeOf(world)
        const { address } = yield* Effect.scoped(server.listen)
        assert.strictEqual(yield* reasonOf(client.connect(address)), "refused")
      }),
    )

    check("a port in use is an error that names it", (world) =>
      Effect.gen(function* () {
        const first = yield* nodeOf(world)
        const port = Address.port((yield* first.listen).address)
        const second = yield* nodeOf(world, port)
        const error = yield* Effect.flip(second.listen)
        assert.strictEqual(error.reason, "listen")
        assert.include(error.message, String(port))
        assert.include(error.message, "in use")
      }),
    )

    check("a closed listener frees its port", (world) =>
      Effect.gen(function* () {
        const first = yield* nodeOf(world)
        const { address } = yield* Effect.scoped(first.listen)
        const second = yield* nodeOf(world, Address.port(address))
        assert.strictEqual((yield* second.listen).address, address)
      }),
    )

    check("a port that is none is an error", (world) =>
      Effect.gen(function* () {
        for (const port of [70_000, -1, 1.5, Number.NaN]) {
          const node = yield* nodeOf(world, port)
          assert.strictEqual(yield* reasonOf(node.listen), "listen")
        }
      }),
    )

    check("port 0 picks a free port, another for each listener", (world) =>
      Effect.gen(function* () {
        const addresses = new Set<string>()
        for (let i = 0; i < 5; i++) {
          const { address } = yield* (yield* nodeOf(world)).listen
          assert.isTrue(Address.isAddress(address))
          addresses.add(address)
        }
        assert.strictEqual(addresses.size, 5)
      }),
    )

    check("both ends know the other's host", (world) =>
      Effect.gen(function* () {
        const { acceptor, dialer, listener } = yield* connected(world)
        assert.strictEqual(dialer.remoteHost, Address.host(listener.address))
        assert.strictEqual(acceptor.remoteHost, Address.host(listener.address))
      }),
    )

    check("connections that arrive before run wait for it", (world) =>
      Effect.gen(function* () {
        const server = yield* nodeOf(world)
        const client = yield* nodeOf(world)
        const listener = yield* server.listen
        const early = yield* Effect.forEach([1, 2, 3], () => client.connect(listener.address))
        for (const connection of early) {
          yield* connection.write([pattern(0, 100)])
          yield* connection.end
        }
        yield* Effect.forkScoped(listener.run(echo))
        for (const connection of early) assert.strictEqual(yield* receiveAll(connection), 100)
      }),
    )

    check("a listener that closes takes along the connections that waited for run", (world) =>
      Effect.gen(function* () {
        const server = yield* nodeOf(world)
        const client = yield* nodeOf(world)
        const scope = yield* Scope.fork(yield* Effect.scope)
        const listener = yield* Scope.provide(server.listen, scope)
        const connection = yield* client.connect(listener.address)
        yield* Scope.close(scope, Exit.void)
        const end = yield* next(connection)
        assert.isTrue(end === "done" || end === "closed", `expected an end, not ${String(end)}`)
        assert.strictEqual(yield* reasonOf(client.connect(listener.address)), "refused")
      }),
    )

    check("interrupting run ends its handlers and connections, and a later run takes what comes then", (world) =>
      Effect.gen(function* () {
        const server = yield* nodeOf(world)
        const client = yield* nodeOf(world)
        const listener = yield* server.listen
        const arrived = yield* Deferred.make<void>()
        let finalized = false
        const running = yield* Effect.forkScoped(
          listener.run(() =>
            Deferred.succeed(arrived, undefined).pipe(
              Effect.andThen(Effect.never),
              Effect.onInterrupt(() =>
                Effect.sync(() => {
                  finalized = true
                }),
              ),
            ),
          ),
        )
        const dialing = yield* Effect.forkScoped(client.connect(listener.address))
        // The handler itself wakes this fiber, which interrupts it at once.
        yield* Deferred.await(arrived)
        yield* Fiber.interrupt(running)
        assert.isTrue(finalized)
        assert.strictEqual(yield* next(yield* Fiber.join(dialing)), "done")
        const second = yield* client.connect(listener.address)
        yield* Effect.forkScoped(sendAll(second, 10))
        yield* Effect.forkScoped(listener.run(echo))
        assert.strictEqual(yield* receiveAll(second), 10)
      }),
    )

    check("a handler that dies ends its own connection and no other", (world) =>
      Effect.gen(function* () {
        const server = yield* nodeOf(world)
        const client = yield* nodeOf(world)
        const listener = yield* server.listen
        let count = 0
        yield* Effect.forkScoped(
          Effect.provide(
            listener.run((connection) => {
              count++
              if (count === 2) return Effect.die("a bug in the handler")
              if (count === 3) throw new Error("a bug before the handler")
              return echo(connection)
            }),
            // The death is told to the log, which is not what the test is about.
            Logger.layer([]),
          ),
        )
        const first = yield* client.connect(listener.address)
        // An echo says that the handler is there, so that they are counted in order.
        yield* first.write([pattern(0, 1)])
        let at = verify(0, yield* first.pull)
        for (const _ of [2, 3]) {
          assert.strictEqual(yield* next(yield* client.connect(listener.address)), "done")
        }
        yield* Effect.forkScoped(sendAll(first, 1000, at))
        at = yield* receiveAll(first, at)
        assert.strictEqual(at, 1001)
      }),
    )

    check("200 connections at once do not mix", (world) =>
      Effect.gen(function* () {
        const server = yield* nodeOf(world)
        const client = yield* nodeOf(world)
        const listener = yield* server.listen
        yield* Effect.forkScoped(listener.run(echo))
        const sizes = yield* Effect.forEach(
          Array.from({ length: 200 }, (_, i) => i),
          (i) =>
            Effect.scoped(
              Effect.gen(function* () {
                const connection = yield* client.connect(listener.address)
                yield* Effect.forkScoped(sendAll(connection, 1000 + i, i * 1000))
                return (yield* receiveAll(connection, i * 1000)) - i * 1000
              }),
            ),
          { concurrency: "unbounded" },
        )
        assert.deepStrictEqual(
          sizes,
          Array.from({ length: 200 }, (_, i) => 1000 + i),
        )
      }),
    )
  })
}

// Nodes

const nodeOf = (world: World, port = 0): Effect.Effect<Service, never, Scope.Scope> =>
  Effect.map(Layer.build(world.transport(port)), Context.get(Transport.Transport))

/** Two nodes with one connection. The listener answers any further connection by closing it. */
const connected = (world: World) =>
  Effect.gen(function* () {
    const server = yield* nodeOf(world)
    const client = yield* nodeOf(world)
    const listener = yield* server.listen
    const accepted = yield* Deferred.make<Transport.Connection>()
    const released = yield* Deferred.make<void>()
    yield* Effect.forkScoped(
      listener.run((connection) =>
        Effect.flatMap(Deferred.succeed(accepted, connection), (first) =>
          first ? Deferred.await(released) : Effect.void,
        ),
      ),
    )
    const scope = yield* Scope.fork(yield* Effect.scope)
    const dialer = yield* Scope.provide(client.connect(listener.address), scope)
    return {
      client,
      listener,
      dialer,
      acceptor: yield* Deferred.await(accepted),
      /** Closes the dialer's end. */
      close: Scope.close(scope, Exit.void),
      /** Lets the handler of the accepted end finish. */
      release: Effect.asVoid(Deferred.succeed(released, undefined)),
    }
  })

// Handlers

/** Sends everything back. */
const echo = (connection: Transport.Connection): Effect.Effect<void> =>
  Effect.forever(Effect.flatMap(connection.pull, connection.write)).pipe(Effect.catch(() => Effect.void))

/** Reads until there is nothing more. */
const untilEnd = (connection: Transport.Connection): Effect.Effect<void> =>
  Effect.forever(connection.pull).pipe(Effect.catch(() => Effect.void))

// Bytes: the byte at each place of a stream is known, so that a stream proves itself.

const byteAt = (i: number): number => (i ^ (i >>> 7) ^ (i >>> 15)) & 0xff

const pattern = (from: number, length: number): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) bytes[i] = byteAt(from + i)
  return bytes
}

/** Checks bytes that were received at the place; the answer is the next place. */
const verify = (at: number, batch: NonEmptyReadonlyArray<Uint8Array>): number => {
  let place = at
  for (const chunk of batch) {
    for (const byte of chunk) {
      if (byte !== byteAt(place)) assert.fail(`byte ${place} is ${byte} and was sent as ${byteAt(place)}`)
      place++
    }
  }
  return place
}

/** Writes so many bytes in writes of random sizes, then ends. */
const sendAll = (connection: Transport.Connection, size: number, from = 0) =>
  Effect.gen(function* () {
    let at = from
    const chunk = Effect.map(Random.nextIntBetween(1, 20_000), (length) => {
      const bytes = pattern(at, Math.min(length, from + size - at))
      at += bytes.length
      return bytes
    })
    while (at < from + size) yield* connection.write([yield* chunk, yield* chunk])
    yield* connection.end
  })

/** Pulls until the end; the answer is the place where it came. */
const receiveAll = (connection: Transport.Connection, from = 0): Effect.Effect<number, Transport.TransportError> =>
  Effect.gen(function* () {
    let at = from
    yield* Effect.forever(
      Effect.map(connection.pull, (batch) => {
        at = verify(at, batch)
      }),
    ).pipe(Effect.catchIf(Cause.isDone, () => Effect.void))
    return at
  })

/** The next batch, or how the stream ended. */
const next = (connection: Transport.Connection) =>
  Effect.match(connection.pull, {
    onSuccess: (batch) => batch,
    onFailure: (error) => (Cause.isDone(error) ? "done" : error.reason),
  })

const reasonOf = <A, R>(effect: Effect.Effect<A, Transport.TransportError, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.reason)
