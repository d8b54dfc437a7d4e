/** A cluster under load replaces its secret, on real sockets. */
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { counted, join, OpenProofs, start, underLoad, until } from "./rotation.ts"
import { otherSecret, secret } from "./secretOutcomes.ts"

const idOf = (secret: Redacted.Redacted<string>) => Result.getOrThrow(Keyring.idOf(secret))

const startWith = Effect.fnUntraced(function* (name: string, open: OpenProofs) {
  const keyring = yield* Keyring.make(secret)
  const transport = counted(open).pipe(
    Layer.provide(NodeTransport.layerSecret({ port: 0 })),
    Layer.provide(Layer.succeed(Keyring.Keyring)(keyring)),
  )
  return { ...(yield* start(name, transport)), keyring }
})

describe("a cluster that replaces its secret", () => {
  it.live(
    "under load loses, repeats and reorders no message, emits no event, and keeps no link of the old secret",
    () =>
      Effect.gen(function* () {
        const open = new OpenProofs((identity) => (identity._tag === "Secret" ? identity.key : "none"))
        const nodes = yield* Effect.forEach(["a", "b", "c"], (name) => startWith(name, open))
        yield* join(nodes)
        yield* until(() => open.count(idOf(secret)) === 6)
        yield* underLoad(
          nodes,
          Effect.gen(function* () {
            for (const { keyring } of nodes) yield* keyring.set([otherSecret, secret])
            for (const { keyring } of nodes) yield* keyring.set([otherSecret])
            yield* until(() => open.count(idOf(secret)) === 0 && open.count(idOf(otherSecret)) === 6)
          }),
        )
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([]))),
    90_000,
  )
})
