/** The routes over real sockets. */
import * as World from "../../core/test/cluster/world.ts"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Support from "./support.ts"

it.live("smoke", () =>
  Effect.gen(function* () {
    const world = yield* World.tcp
    const a = yield* world.node("a")
    const b = yield* world.node("b", { seeds: [a.address] })
    yield* World.untilPeers(a, ["b"])
    const { url } = yield* Support.served(a)
    yield* Support.admin(b)
    for (const path of ["/v1/self", "/v1/members", "/v1/members/b", "/v1/members/c", "/v1/nodes/b", "/v1/cluster", "/v1/cluster?deadlineMillis=5", "/health/ready", "/health/live", "/health/started", "/metrics", "/openapi.json"]) {
      const r = yield* Support.request(url, path)
      console.log(path, r.status, r.headers["content-type"], r.text.slice(0, 400))
    }
    const events = yield* Support.readEvents(url)
    console.log(yield* events.until("Snapshot"), events.lines())
    assert.isTrue(true)
  }).pipe(Effect.scoped),
)
