/** The names in errors, refusals and log lines: those that the application gave. */
import { Cluster } from "@coterie/core/Cluster"
import type { OptionsError } from "@coterie/core/ClusterError"
import * as Group from "@coterie/state/Group"
import * as OwnedMap from "@coterie/state/OwnedMap"
import * as Presence from "@coterie/state/Presence"
import * as SharedValue from "@coterie/state/SharedValue"
import type { StateError } from "@coterie/state/StateError"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as World from "../../core/test/cluster/world.ts"

const limits = { entryBytes: 20 }
const long = "x".repeat(100)
const options = { key: Schema.String, value: Schema.String, limits }

/** Opens something with a name on a node, and makes a change that is rejected. */
type Rejected = (name: string) => Effect.Effect<unknown, OptionsError | StateError, Cluster | Scope.Scope>

const rejections: ReadonlyArray<readonly [kind: StateError["subject"]["kind"], change: Rejected, message: RegExp]> = [
  [
    "map",
    (name) => Effect.flatMap(OwnedMap.make(name, options), (map) => map.set("k", long)),
    /^map "jobs": the entry "k" has 103 bytes/,
  ],
  [
    "presence",
    (name) => Effect.flatMap(Presence.make(name, options), (users) => users.track("ann", long)),
    /^presence "jobs": the entry "ann" has 107 bytes/,
  ],
  [
    "presence",
    (name) => Effect.flatMap(Presence.make(name, options), (users) => users.track("a\0b", "")),
    /^presence "jobs": the key of a presence must not contain/,
  ],
  [
    "group",
    (name) => Effect.flatMap(Group.make(name, { value: Schema.String }), (group) => group.join("x".repeat(70_000))),
    /^group "jobs": the join has \d+ bytes, and a join may have 65536\. Use a smaller value$/,
  ],
  [
    "group",
    (name) => Effect.flatMap(Group.make(name, { value: Schema.String }), (group) => group.join("", { weight: 0 })),
    /^group "jobs": a weight is above 0/,
  ],
  [
    "value",
    (name) =>
      Effect.flatMap(SharedValue.make(name, { value: Schema.String, initial: "" }), (value) =>
        value.set("x".repeat(20_000)),
      ),
    /^value "jobs": the entry "jobs" has 20002 bytes/,
  ],
]

const twice: ReadonlyArray<readonly [kind: string, open: Rejected]> = [
  ["map", (name) => OwnedMap.make(name, options)],
  ["presence", (name) => Presence.make(name, options)],
  ["value", (name) => SharedValue.make(name, { value: Schema.String, initial: "" })],
]

const openers: ReadonlyArray<readonly [kind: string, open: Rejected]> = [
  ...twice,
  ["group", (name) => Group.make(name, { value: Schema.String })],
]

describe("the name that the application gave", () => {
  World.simulated("is in the error of a rejected change, with the kind", (world) =>
    Effect.gen(function* () {
      const { cluster } = yield* world.node("a")
      for (const [kind, change, message] of rejections) {
        const error = yield* change("jobs").pipe(Effect.flip, Effect.scoped, Effect.provideService(Cluster, cluster))
        assert.strictEqual(error._tag, "StateError")
        assert.match(error.message, message)
        assert.deepStrictEqual(error._tag === "StateError" && error.subject, { kind, name: "jobs" })
      }
    }),
  )

  World.simulated("is in the refusal of a second opening", (world) =>
    Effect.gen(function* () {
      const { cluster } = yield* world.node("a")
      for (const [kind, open] of twice) {
        const again = Effect.andThen(open("jobs"), Effect.flip(open("jobs")))
        const { message } = yield* again.pipe(Effect.scoped, Effect.provideService(Cluster, cluster))
        assert.match(message, new RegExp(`^option "name": the ${kind} "jobs" is already open on this node`))
      }
    }),
  )

  World.simulated("has the bytes and the characters that names of its kind may have", (world) =>
    Effect.gen(function* () {
      const { cluster } = yield* world.node("a")
      for (const [kind, open] of openers) {
        const most = kind === "presence" ? 91 : 100
        const of = (name: string) => open(name).pipe(Effect.scoped, Effect.provideService(Cluster, cluster))
        yield* of("x".repeat(most))
        for (const name of ["", "x".repeat(most + 1)]) {
          const { message } = yield* Effect.flip(of(name))
          const refusal = `option "name": the name of a ${kind} has 1 to ${most} bytes, and this one has ${name.length}`
          assert.strictEqual(message, refusal)
        }
        assert.match((yield* Effect.flip(of("a\nb"))).message, new RegExp(`the name of a ${kind} must not contain`))
      }
    }),
  )

  World.simulated("of a map must not be one of those that the package uses", (world) =>
    Effect.gen(function* () {
      const { cluster } = yield* world.node("a")
      const open = (name: string) =>
        OwnedMap.make(name, options).pipe(Effect.scoped, Effect.provideService(Cluster, cluster))
      for (const name of ["coterie.values", "coterie.groups", "coterie."]) {
        const { message } = yield* Effect.flip(open(name))
        assert.match(message, /^option "name": the names of maps that begin with "coterie\." are those of groups/)
      }
      yield* open("coterie")
      yield* open("my.coterie.values")
    }),
  )
})
