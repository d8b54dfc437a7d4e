/** Makes placements. */
import { Cluster } from "@coterie/core/Cluster"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Group } from "../group/Service.ts"
import { addComponent } from "../addComponent.ts"
import { checkCount, millisOf } from "../options.ts"
import { Overrides } from "../Overrides.ts"
import { Driver } from "./Driver.ts"
import { addMetrics } from "./metrics.ts"
import type { Options } from "./Service.ts"

/**
 * Default time for which a group must stay the same. A node learns of a change of another node within milliseconds. It
 * detects a lost node within its detection time, which differs from that of other nodes by less than a second.
 */
const defaultSettle: Duration.Input = "2 seconds"

export const make = Effect.fnUntraced(function* <A>(group: Group<A>, options: Options = {}) {
  const { minimumMembers = 1 } = options
  const settle = yield* millisOf("settle", options.settle ?? defaultSettle)
  yield* checkCount("minimumMembers", minimumMembers, 1)
  const cluster = yield* Cluster
  const { makeOwnedKeys } = yield* Overrides
  const clock = yield* Clock.Clock
  const { name: self } = yield* cluster.self
  const driver = new Driver({
    group,
    cluster,
    keys: makeOwnedKeys({ self, settle }),
    minimumMembers,
    self,
    settle,
    clock,
    onChange: addMetrics(cluster.metrics, group.name),
  })
  yield* addComponent({ kind: "placement", name: group.name, describe: driver.describe })
  // The scope may close before the fiber begins.
  yield* Effect.addFinalizer(() => Effect.sync(driver.close))
  yield* Effect.forkScoped(driver.run)
  return driver.service()
})
