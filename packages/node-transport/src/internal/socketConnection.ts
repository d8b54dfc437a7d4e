/**
 * A socket of Node as a `Connection`. It is read in flowing mode and written to without a stream of Effect's between: why,
 * docs/decisions/0022 says.
 */
import * as Transport from "@coterie/core/Transport"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Net from "node:net"
import { codeOf } from "./codeOf.ts"

/** How many bytes are read ahead, about, before somebody pulls them: after that the other side has to wait. */
const readAhead = 64 * 1024

const ignore = () => {}

/**
 * The socket is one of plain TCP, and has not been read. Both ends are to be opened with `allowHalfOpen`, so that the end of
 * one direction leaves the other alone. When the scope closes, the socket gets `linger` milliseconds to send the rest.
 */
export const make = (socket: Net.Socket, linger: number): Effect.Effect<Transport.Connection, never, Scope.Scope> =>
  Effect.gen(function* () {
    const remoteHost = (socket.remoteAddress ?? "").replace(/^::ffff:(?=[0-9.]+$)/, "")
    const lost = () =>
      new Transport.TransportError({
        reason: "closed",
        message: `the connection to ${remoteHost} ${describe(socket.errored)}`,
        ...(socket.errored === null ? {} : { cause: socket.errored }),
      })
    // Without a listener, an error after the reader has gone would end the process.
    socket.on("error", ignore)
    const reader = makeReader(socket, lost)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        reader.close()
        hangUp(socket, linger)
      }),
    )
    return {
      remoteHost,
      pull: reader.pull,
      write: makeWriter(socket, lost),
      end: Effect.sync(() => {
        if (!socket.destroyed && !socket.writableEnded) socket.end()
      }),
    }
  })

type Lost = () => Transport.TransportError

/**
 * Where one fiber at a time waits until there is an outcome; `wake` is to be called when there may be. There may be one when
 * it begins to wait, too: a fiber can be held up between any two steps.
 */
const makeWaiting = <A, E>(outcome: () => Effect.Effect<A, E> | undefined) => {
  let waiter: ((outcome: Effect.Effect<A, E>) => void) | undefined
  const wake = (): void => {
    const resume = waiter
    const result = resume === undefined ? undefined : outcome()
    if (resume === undefined || result === undefined) return
    waiter = undefined
    resume(result)
  }
  const wait = Effect.callback<A, E>((resume) => {
    waiter = resume
    wake()
    if (waiter === undefined) return
    return Effect.sync(() => {
      if (waiter === resume) waiter = undefined
    })
  })
  return { wait, wake }
}

const makeReader = (socket: Net.Socket, lost: Lost) => {
  type Pull = Transport.Connection["pull"]
  let chunks: Array<Uint8Array> = []
  let bytes = 0
  // Set once: what comes after the chunks.
  let end: Pull | undefined

  // In the step in which the fiber goes on: one that is interrupted just before leaves the bytes where they are.
  const take: Pull = Effect.sync(() => {
    const batch = chunks
    chunks = []
    bytes = 0
    if (end === undefined && socket.isPaused()) socket.resume()
    return Arr.isArrayNonEmpty(batch) ? batch : [nothing]
  })

  const { wait: pull, wake } = makeWaiting(() => (chunks.length > 0 ? take : end))

  const finish = (how: Pull): void => {
    end ??= how
    wake()
  }

  const onData = (chunk: Uint8Array): void => {
    chunks.push(chunk)
    bytes += chunk.length
    wake()
    if (bytes >= readAhead) socket.pause()
  }

  socket.on("data", onData)
  socket.on("end", () => finish(Cause.done()))
  socket.on("close", () => finish(Effect.fail(lost())))
  // What already happened is told by no event.
  if (socket.destroyed) finish(Effect.fail(lost()))
  else if (socket.readableEnded) finish(Cause.done())
  else socket.resume()

  return {
    pull,
    /** Nobody pulls any more. */
    close: (): void => {
      socket.off("data", onData)
      finish(Effect.fail(lost()))
    },
  }
}

/** Writes one after the other; each ends when the kernel has all of it, and nothing refers to the arrays any more. */
const makeWriter = (socket: Net.Socket, lost: Lost): Transport.Connection["write"] => {
  /** How the last write went, if it is known now. */
  const outcome = (): Effect.Effect<void, Transport.TransportError> | undefined =>
    socket.destroyed ? Effect.fail(lost()) : socket.writableLength === 0 ? Effect.void : undefined

  // Woken by every write, in a later turn: after one that was through at once, the next may be on its way by then.
  const { wait: through, wake } = makeWaiting(outcome)

  return (chunks) =>
    Effect.suspend(() => {
      if (socket.destroyed || socket.writableEnded) return Effect.fail(lost())
      const last = chunks.length - 1
      if (last > 0) socket.cork()
      for (let i = 0; i < last; i++) socket.write(chunks[i] ?? nothing)
      socket.write(chunks[last] ?? nothing, wake)
      if (last > 0) socket.uncork()
      return outcome() ?? through
    })
}

const nothing = new Uint8Array(0)

/**
 * Closes a socket as TCP wants it: sends what was written and the end of the stream, and reads on, into
 * nothing, until the other side ends too. A socket closed with unread bytes would be reset,
 * and the reset can overtake the last bytes.
 */
const hangUp = (socket: Net.Socket, linger: number): void => {
  if (socket.destroyed) return
  const timer = setTimeout(() => {
    // A plain destroy would end the stream in good order in the middle of what was written.
    if (socket.writableFinished) socket.destroy()
    else socket.resetAndDestroy()
  }, linger)
  timer.unref()
  socket.once("close", () => clearTimeout(timer))
  if (!socket.writableEnded) socket.end()
  socket.resume()
}

const describe = (cause: Error | null): string => {
  if (cause === null) return "is closed"
  const code = codeOf(cause)
  return code === "ECONNRESET" || code === "EPIPE" ? "was reset" : `was lost: ${code ?? cause.message}`
}
