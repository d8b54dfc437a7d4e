/** Tests that Effect's sockets on Node and simulated sockets must pass, so that both behave alike. */
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Socket from "effect/socket/Socket"
import type * as SocketServer from "effect/socket/SocketServer"

/** Sockets under test. */
export interface Sockets {
  readonly server: (options: {
    readonly host?: string
    readonly port: number
  }) => Effect.Effect<SocketServer.SocketServer["Service"], SocketServer.SocketServerError, Scope.Scope>
  readonly socket: (options: { readonly host?: string; readonly port: number }) => Effect.Effect<Socket.Socket>
}

type Test = (sockets: Sockets) => Effect.Effect<void, unknown, Scope.Scope>

const text = (chunks: ReadonlyArray<Uint8Array | string>): string => {
  const decoder = new TextDecoder()
  return chunks.map((chunk) => (typeof chunk === "string" ? chunk : decoder.decode(chunk))).join("")
}

const bytes = (count: number, value = 1): Uint8Array => new Uint8Array(count).fill(value)

const portOf = ({ address }: SocketServer.SocketServer["Service"]): number =>
  address._tag === "UnixPathAddress" ? assert.fail("the address has no port") : address.port

/** Listens on a free port of the loopback. */
const listen = ({ server }: Sockets) => server({ host: "127.0.0.1", port: 0 })

const dial = ({ socket }: Sockets, server: SocketServer.SocketServer["Service"]) =>
  socket({ host: "127.0.0.1", port: portOf(server) })

/** Reads text until it has the length, or until the connection ends. */
const readText = (pull: Socket.Reader["pull"], length: number) =>
  Effect.gen(function* () {
    let read = ""
    while (read.length < length) read += text(yield* pull)
    return read
  })

/** Reads until the connection ends. Returns the text and the error. */
const readAll = (pull: Socket.Reader["pull"]) =>
  Effect.gen(function* () {
    let read = ""
    const error = yield* Effect.flip(
      Effect.forever(
        Effect.map(pull, (chunks) => {
          read += text(chunks)
        }),
      ),
    )
    return { read, error }
  })

const closeCode = ({ reason }: Socket.SocketError): number =>
  reason._tag === "SocketCloseError" ? reason.code : assert.fail(`${reason._tag} is no close`)

const causeOf = (reason: { readonly _tag: string; readonly cause?: unknown }): Record<string, unknown> =>
  typeof reason.cause === "object" && reason.cause !== null
    ? { ...reason.cause, message: (reason.cause as Error).message }
    : assert.fail(`${reason._tag} has no cause`)

/** Server that hands its connections to the test, and keeps them until the scope is closed. */
const accepting = (sockets: Sockets) =>
  Effect.gen(function* () {
    const server = yield* listen(sockets)
    const accepted: Array<Deferred.Deferred<Socket.Socket>> = []
    const next = (): Deferred.Deferred<Socket.Socket> => {
      const deferred = Deferred.makeUnsafe<Socket.Socket>()
      accepted.push(deferred)
      return deferred
    }
    let free: Array<Socket.Socket> = []
    yield* Effect.forkScoped(
      server.run((socket) =>
        Effect.andThen(
          Effect.suspend(() => {
            const waiting = accepted.shift()
            if (waiting !== undefined) return Deferred.succeed(waiting, socket)
            free.push(socket)
            return Effect.void
          }),
          Effect.never,
        ),
      ),
    )
    const accept = Effect.suspend(() => {
      const [socket, ...rest] = free
      free = rest
      return socket === undefined ? Deferred.await(next()) : Effect.succeed(socket)
    })
    return { server, accept }
  })

/** Opens a connection, and returns both of its ends. */
const connected = (sockets: Sockets) =>
  Effect.gen(function* () {
    const { accept, server } = yield* accepting(sockets)
    const socket = yield* dial(sockets, server)
    const scope = yield* Scope.fork(yield* Effect.scope)
    const client = yield* Scope.provide(socket.reader, scope)
    const peer = yield* accept
    const peerScope = yield* Scope.fork(yield* Effect.scope)
    const acceptor = yield* Scope.provide(peer.reader, peerScope)
    return {
      client: { socket, scope, pull: client.pull, writer: yield* socket.writer },
      peer: { socket: peer, scope: peerScope, pull: acceptor.pull, writer: yield* peer.writer },
    }
  })

export const contract: { readonly [name: string]: Test } = {
  "bytes and texts arrive in order and complete, and then the end with code 1000": (sockets) =>
    Effect.gen(function* () {
      const { client, peer } = yield* connected(sockets)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const { write, writeAll } = yield* client.socket.writer
          yield* write("one ")
          yield* writeAll([new TextEncoder().encode("two "), "three ", ""])
          yield* write("four")
        }),
      )
      const { error, read } = yield* readAll(peer.pull)
      assert.strictEqual(read, "one two three four")
      assert.strictEqual(closeCode(error), 1000)
      assert.strictEqual(closeCode(yield* Effect.flip(peer.pull)), 1000)
    }),

  "both sides can write, and large writes arrive whole": (sockets) =>
    Effect.gen(function* () {
      const { client, peer } = yield* connected(sockets)
      const size = 300_000
      const receive = (pull: Socket.Reader["pull"]) =>
        Effect.map(readText(pull, size), (read) => [read.length, new Set(read).size])
      const [a, b] = yield* Effect.all(
        [
          receive(client.pull),
          receive(peer.pull),
          client.writer.write(bytes(size, 65)),
          peer.writer.writeAll([bytes(size / 2, 66), bytes(size / 2, 66)]),
        ],
        { concurrency: "unbounded" },
      )
      assert.deepStrictEqual(
        [a, b],
        [
          [size, 1],
          [size, 1],
        ],
      )
    }),

  "the writes of several fibers all succeed and arrive": (sockets) =>
    Effect.gen(function* () {
      const { client, peer } = yield* connected(sockets)
      const writes = Effect.forEach(
        Array.from({ length: 20 }, (_, i) => i),
        (i) => client.writer.write(bytes(20_000, 65 + i)),
        { concurrency: "unbounded" },
      )
      const [, read] = yield* Effect.all([writes, readText(peer.pull, 400_000)], { concurrency: 2 })
      const runs = [...read].filter((char, i) => char !== read[i - 1]).join("")
      assert.strictEqual(runs, "ABCDEFGHIJKLMNOPQRST")
    }),

  "writes wait while the other side does not pull": (sockets) =>
    Effect.gen(function* () {
      const { client, peer } = yield* connected(sockets)
      let written = 0
      const megabyte = Effect.tap(client.writer.write(bytes(1_000_000)), () => Effect.sync(() => written++))
      const writing = yield* Effect.forkScoped(Effect.repeat(megabyte, { times: 15 }))
      yield* Effect.sleep("200 millis")
      assert.isBelow(written, 16)
      let read = 0
      while (read < 16_000_000) for (const chunk of yield* peer.pull) read += chunk.length
      yield* Fiber.join(writing)
      assert.deepStrictEqual([written, read], [16, 16_000_000])
    }),

  "a writer waits for the first connection": (sockets) =>
    Effect.gen(function* () {
      const { accept, server } = yield* accepting(sockets)
      const socket = yield* dial(sockets, server)
      const { write } = yield* socket.writer
      const writing = yield* Effect.forkScoped(write("early"))
      yield* Effect.yieldNow
      assert.isUndefined(writing.pollUnsafe())
      yield* socket.reader
      yield* Fiber.join(writing)
      const { pull } = yield* (yield* accept).reader
      assert.strictEqual(yield* readText(pull, 5), "early")
    }),

  "each acquisition of the reader opens a connection, and its scope closes it": (sockets) =>
    Effect.gen(function* () {
      const { accept, server } = yield* accepting(sockets)
      const socket = yield* dial(sockets, server)
      const { write } = yield* socket.writer
      for (const round of ["first", "second"]) {
        const peer = yield* Effect.scoped(
          Effect.gen(function* () {
            yield* socket.reader
            yield* write(round)
            return yield* accept
          }),
        )
        const { error, read } = yield* Effect.scoped(Effect.flatMap(peer.reader, ({ pull }) => readAll(pull)))
        assert.deepStrictEqual([read, closeCode(error)], [round, 1000])
      }
    }),

  "the end of a connection lets its writer wait for the next one": (sockets) =>
    Effect.gen(function* () {
      const { client, peer } = yield* connected(sockets)
      yield* Scope.close(client.scope, Exit.void)
      yield* readAll(peer.pull)
      const late = yield* Effect.timeoutOption(client.writer.write("late"), "100 millis")
      assert.isTrue(Option.isNone(late))
    }),

  "closing the scope of the reader fails a pull that waits with code 1006": (sockets) =>
    Effect.gen(function* () {
      const { client } = yield* connected(sockets)
      const pulling = yield* Effect.forkScoped(Effect.flip(client.pull))
      yield* Effect.yieldNow
      yield* Scope.close(client.scope, Exit.void)
      assert.strictEqual(closeCode(yield* Fiber.join(pulling)), 1006)
      assert.strictEqual(closeCode(yield* Effect.flip(client.pull)), 1006)
    }),

  "an interrupted pull loses no bytes": (sockets) =>
    Effect.gen(function* () {
      const { client, peer } = yield* connected(sockets)
      let read = ""
      for (const letter of ["a", "b", "c"]) {
        const pulling = yield* Effect.forkScoped(peer.pull)
        yield* Effect.yieldNow
        yield* Fiber.interrupt(pulling)
        const exit = yield* Fiber.await(pulling)
        if (Exit.isSuccess(exit)) read += text(exit.value)
        yield* client.writer.write(letter)
      }
      assert.strictEqual(read + (yield* readText(peer.pull, 3 - read.length)), "abc")
    }),

  "the end that a side has read ends its own stream": (sockets) =>
    Effect.gen(function* () {
      const { client, peer } = yield* connected(sockets)
      yield* Effect.scoped(client.socket.writer)
      yield* peer.writer.write("last words")
      assert.strictEqual((yield* readAll(peer.pull)).read, "")
      const { error, read } = yield* readAll(client.pull)
      assert.deepStrictEqual([read, closeCode(error)], ["last words", 1000])
    }),

  "a write after the own end fails with SocketWriteError": (sockets) =>
    Effect.gen(function* () {
      const { client } = yield* connected(sockets)
      yield* Effect.scoped(client.socket.writer)
      const error = yield* Effect.flip(client.writer.write("late"))
      assert.strictEqual(error.reason._tag, "SocketWriteError")
      assert.strictEqual(causeOf(error.reason)["message"], "write after end")
    }),

  "a CloseEvent of code 1000 ends the connection in order at both sides": (sockets) =>
    Effect.gen(function* () {
      const { client, peer } = yield* connected(sockets)
      yield* client.writer.write("bye")
      assert.strictEqual(yield* readText(peer.pull, 3), "bye")
      yield* client.writer.write(new Socket.CloseEvent(1000))
      assert.strictEqual(closeCode(yield* Effect.flip(client.pull)), 1000)
      assert.strictEqual(closeCode((yield* readAll(peer.pull)).error), 1000)
    }),

  "a CloseEvent of another code is an error for the own reader only": (sockets) =>
    Effect.gen(function* () {
      const { client, peer } = yield* connected(sockets)
      yield* client.writer.write(new Socket.CloseEvent(4000, "too much"))
      const { reason } = yield* Effect.flip(client.pull)
      assert.strictEqual(reason._tag, "SocketReadError")
      assert.strictEqual(causeOf(reason)["message"], "closed with code 4000")
      assert.strictEqual(closeCode((yield* readAll(peer.pull)).error), 1000)
    }),

  "a connection that is closed with bytes unread ends in order at the other side": (sockets) =>
    Effect.gen(function* () {
      const { client, peer } = yield* connected(sockets)
      yield* client.writer.write("unread")
      yield* Effect.sleep("50 millis") // The bytes are on their way to a buffer that nobody reads.
      yield* peer.writer.write("last words")
      yield* Scope.close(peer.scope, Exit.void)
      const { error, read } = yield* readAll(client.pull)
      assert.deepStrictEqual([read, closeCode(error)], ["last words", 1000])
    }),

  "a refused connection fails with SocketOpenError": (sockets) =>
    Effect.gen(function* () {
      const port = portOf(yield* Effect.scoped(listen(sockets)))
      const socket = yield* sockets.socket({ host: "127.0.0.1", port })
      const { reason } = yield* Effect.flip(socket.reader)
      assert(reason._tag === "SocketOpenError")
      assert.strictEqual(reason.kind, "Unknown")
      const { code, errno, syscall } = causeOf(reason)
      assert.deepStrictEqual([code, errno, syscall], ["ECONNREFUSED", -111, "connect"])
    }),

  "an unknown host fails with SocketOpenError": (sockets) =>
    Effect.gen(function* () {
      const socket = yield* sockets.socket({ host: "nobody.invalid", port: 1 })
      const { reason } = yield* Effect.flip(socket.reader)
      assert(reason._tag === "SocketOpenError")
      const { code, hostname, syscall } = causeOf(reason)
      // EAI_AGAIN: a machine without a resolver cannot tell.
      assert.include(["ENOTFOUND", "EAI_AGAIN"], code)
      assert.deepStrictEqual([hostname, syscall], ["nobody.invalid", "getaddrinfo"])
    }),

  "a port in use fails with SocketServerOpenError": (sockets) =>
    Effect.gen(function* () {
      const port = portOf(yield* listen(sockets))
      const { reason } = yield* Effect.flip(sockets.server({ host: "127.0.0.1", port }))
      assert.strictEqual(reason._tag, "SocketServerOpenError")
      const { address, code, errno, message, port: taken, syscall } = causeOf(reason)
      assert.deepStrictEqual([code, errno, syscall, address, taken], ["EADDRINUSE", -98, "listen", "127.0.0.1", port])
      assert.include(String(message), "EADDRINUSE")
    }),

  "a number that is no port is a defect": (sockets) =>
    Effect.gen(function* () {
      const socket = yield* sockets.socket({ host: "127.0.0.1", port: 65_536 })
      const exits: ReadonlyArray<Exit.Exit<unknown, unknown>> = [
        yield* Effect.exit(sockets.server({ host: "127.0.0.1", port: 65_536 })),
        yield* Effect.exit(socket.reader),
      ]
      for (const exit of exits) {
        assert(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        assert.strictEqual(causeOf({ _tag: "defect", cause: Cause.squash(exit.cause) })["code"], "ERR_SOCKET_BAD_PORT")
      }
    }),

  "a server on an address of another host fails with SocketServerOpenError": (sockets) =>
    Effect.gen(function* () {
      const { reason } = yield* Effect.flip(sockets.server({ host: "10.255.255.1", port: 0 }))
      assert.strictEqual(reason._tag, "SocketServerOpenError")
      const { code, syscall } = causeOf(reason)
      assert.deepStrictEqual([code, syscall], ["EADDRNOTAVAIL", "listen"])
    }),

  "a closed server frees its port, and port 0 takes a free one": (sockets) =>
    Effect.gen(function* () {
      const one = yield* listen(sockets)
      const two = yield* listen(sockets)
      assert.notStrictEqual(portOf(one), portOf(two))
      const port = portOf(yield* Effect.scoped(listen(sockets)))
      const again = yield* sockets.server({ host: "127.0.0.1", port })
      assert.strictEqual(portOf(again), port)
      assert.strictEqual(again.address._tag, "InetAddressV4")
    }),

  "connections wait until the server runs, and again after it": (sockets) =>
    Effect.gen(function* () {
      const server = yield* listen(sockets)
      const ask = (question: string) =>
        Effect.gen(function* () {
          const socket = yield* dial(sockets, server)
          const { pull } = yield* socket.reader
          yield* (yield* socket.writer).write(question)
          return yield* readText(pull, question.length + 1)
        }).pipe(Effect.scoped)
      const echo = (mark: string) =>
        Effect.forkScoped(
          server.run((socket) =>
            Effect.gen(function* () {
              const { pull } = yield* socket.reader
              const { write } = yield* socket.writer
              yield* write(text(yield* pull) + mark)
              yield* Effect.never
            }).pipe(Effect.scoped),
          ),
        )
      const early = yield* Effect.forkScoped(ask("early"))
      yield* Effect.sleep("20 millis")
      const first = yield* echo("!")
      assert.strictEqual(yield* Fiber.join(early), "early!")
      assert.strictEqual(yield* ask("more"), "more!")
      yield* Fiber.interrupt(first)
      const late = yield* Effect.forkScoped(ask("late"))
      yield* Effect.sleep("20 millis")
      yield* echo("?")
      assert.strictEqual(yield* Fiber.join(late), "late?")
    }),

  "interrupting the server interrupts its handlers, and closes their connections": (sockets) =>
    Effect.gen(function* () {
      const server = yield* listen(sockets)
      const started = yield* Deferred.make<void>()
      let interrupted = false
      const running = yield* Effect.forkScoped(
        server.run((socket) =>
          Effect.gen(function* () {
            const { pull } = yield* socket.reader
            yield* Deferred.succeed(started, undefined)
            yield* Effect.forever(pull)
          }).pipe(
            Effect.scoped,
            Effect.onInterrupt(() =>
              Effect.sync(() => {
                interrupted = true
              }),
            ),
          ),
        ),
      )
      const { pull } = yield* (yield* dial(sockets, server)).reader
      yield* Deferred.await(started)
      yield* Fiber.interrupt(running)
      assert.isTrue(interrupted)
      assert.strictEqual(closeCode((yield* readAll(pull)).error), 1000)
    }),

  "a handler that fails or dies ends only its own connection": (sockets) =>
    Effect.gen(function* () {
      const server = yield* listen(sockets)
      yield* Effect.forkScoped(
        server.run((socket) =>
          Effect.gen(function* () {
            const { pull } = yield* socket.reader
            const { write } = yield* socket.writer
            const word = text(yield* pull)
            yield* write(word)
            if (word === "fail") return yield* Effect.fail("as asked")
            if (word === "die") return yield* Effect.die("as asked")
            return yield* Effect.never
          }).pipe(Effect.scoped),
        ),
      )
      const say = (word: string) =>
        Effect.gen(function* () {
          const socket = yield* dial(sockets, server)
          const { pull } = yield* socket.reader
          yield* (yield* socket.writer).write(word)
          return { pull, heard: yield* readText(pull, word.length) }
        })
      const { pull } = yield* say("live")
      for (const word of ["fail", "die"]) {
        const said = yield* say(word)
        assert.strictEqual(said.heard, word)
        assert.strictEqual(closeCode((yield* readAll(said.pull)).error), 1000)
      }
      const pulling = yield* Effect.forkScoped(pull)
      yield* Effect.yieldNow
      assert.isUndefined(pulling.pollUnsafe())
    }),

  "a socket is a stream of bytes, which ends with its close": (sockets) =>
    Effect.gen(function* () {
      const server = yield* listen(sockets)
      yield* Effect.forkScoped(
        server.run((socket) =>
          Effect.gen(function* () {
            yield* socket.reader
            yield* (yield* socket.writer).write("streamed")
          }).pipe(Effect.scoped),
        ),
      )
      const received: Array<Uint8Array> = []
      const exit = yield* Socket.toStream(yield* dial(sockets, server)).pipe(
        Stream.runForEach((chunk) => Effect.sync(() => received.push(chunk))),
        Effect.exit,
      )
      assert.strictEqual(text(received), "streamed")
      assert(Exit.isFailure(exit))
      const error = Cause.squash(exit.cause)
      assert.strictEqual(Socket.isSocketError(error) && closeCode(error), 1000)
    }),
}
