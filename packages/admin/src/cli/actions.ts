/** `coterie join`, `leave`, `disconnect` and `metadata`: changes of one node. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as AdminApi from "../AdminApi.ts"
import type { AdminClient } from "./AdminClient.ts"
import { type CommandError, misuse } from "./CommandError.ts"
import { type ExitCode, exits } from "./exits.ts"
import { onlyClient, output, type Session } from "./Session.ts"
import { printable } from "./text.ts"

/** Part of the time of a request that the node has for the join: the rest is for the request itself. */
const joinShare = 0.8

export const join = Effect.fnUntraced(function* (
  session: Session,
  { address }: { readonly address: string },
): Effect.fn.Return<ExitCode, CommandError> {
  const client = yield* onlyClient(session)
  const { maximum, minimum } = AdminApi.deadlineBounds
  const timeoutMillis = Math.min(maximum, Math.max(minimum, Math.floor(session.timeout * joinShare)))
  const answer = yield* client.ask((api) => api.actions.join({ payload: { address, timeoutMillis } }))
  if (answer.status === "joined") {
    const { name } = answer.peer
    yield* output(session, { schema: 1, status: "joined", address, peer: name }, () => [
      `joined ${printable(name)} at ${printable(address)}`,
    ])
    return exits.yes
  }
  yield* output(session, { schema: 1, status: "pending", address }, () => [
    `no peer has answered at ${printable(address)} yet; the node continues to dial it`,
  ])
  return exits.no
})

/** Time between two questions whether a node has left. */
const leaveInterval = Duration.millis(100)

/** Waits until the node has stopped. A process that ends has stopped, too. */
const untilStopped = (client: AdminClient): Effect.Effect<void> =>
  client
    .ask((api) => api.node.self({ query: {} }))
    .pipe(
      Effect.map(({ status }) => status.phase === "stopped"),
      Effect.catch(() => Effect.succeed(true)),
      Effect.flatMap((stopped) => (stopped ? Effect.void : Effect.delay(untilStopped(client), leaveInterval))),
    )

export const leave = Effect.fnUntraced(function* (
  session: Session,
  { wait }: { readonly wait: boolean },
): Effect.fn.Return<ExitCode, CommandError> {
  const client = yield* onlyClient(session)
  yield* client.ask((api) => api.actions.leave())
  if (!wait) {
    yield* output(session, { schema: 1, status: "leaving" }, () => ["the node leaves; its process continues"])
    return exits.yes
  }
  const stopped = yield* Effect.timeoutOption(untilStopped(client), Duration.millis(session.timeout))
  if (Option.isNone(stopped)) {
    yield* output(session, { schema: 1, status: "leaving" }, () => ["the node is still leaving (--timeout)"])
    return exits.no
  }
  yield* output(session, { schema: 1, status: "left" }, () => ["the node has left; its process continues"])
  return exits.yes
})

export const disconnect = Effect.fnUntraced(function* (
  session: Session,
  { name }: { readonly name: string },
): Effect.fn.Return<ExitCode, CommandError> {
  const client = yield* onlyClient(session)
  yield* client.ask((api) => api.actions.disconnect({ payload: { name } }))
  yield* output(session, { schema: 1, status: "disconnected", name }, () => [
    `disconnected ${printable(name)}; neither side dials until one of them joins the other`,
  ])
  return exits.yes
})

const metadataLines = (metadata: Readonly<Record<string, string>>): ReadonlyArray<string> =>
  Object.entries(metadata).map(([key, value]) => `${printable(key)}=${printable(value)}`)

export const getMetadata = Effect.fnUntraced(function* (session: Session): Effect.fn.Return<ExitCode, CommandError> {
  const client = yield* onlyClient(session)
  const { metadata, name } = yield* client.ask((api) => api.node.self({ query: {} }))
  yield* output(session, { schema: 1, name, metadata }, () => metadataLines(metadata))
  return exits.yes
})

/** Parses `KEY=VALUE`. */
const entry = (text: string): Effect.Effect<readonly [string, string], CommandError> => {
  const at = text.indexOf("=")
  return at < 1
    ? Effect.fail(misuse(`${printable(text)} is not an entry of metadata: write KEY=VALUE`))
    : Effect.succeed([text.slice(0, at), text.slice(at + 1)])
}

export const setMetadata = Effect.fnUntraced(function* (
  session: Session,
  { entries, replace }: { readonly entries: ReadonlyArray<string>; readonly replace: boolean },
): Effect.fn.Return<ExitCode, CommandError> {
  const client = yield* onlyClient(session)
  const changes = Object.fromEntries(yield* Effect.forEach(entries, entry))
  const { metadata: before, name } = yield* client.ask((api) => api.node.self({ query: {} }))
  const metadata = replace ? changes : { ...before, ...changes }
  yield* client.ask((api) => api.actions.metadata({ payload: metadata }))
  yield* output(session, { schema: 1, name, metadata }, () => metadataLines(metadata))
  return exits.yes
})
