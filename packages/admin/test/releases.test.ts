/** Reports that nodes of earlier releases send. A file has the texts of one release, and is never changed after it. */
import * as World from "../../core/test/cluster/world.ts"
import { Report } from "@coterie/admin"
import * as Cluster from "@coterie/core/Cluster"
import * as PeerRpcServer from "@coterie/rpc/PeerRpcServer"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as NodeFs from "node:fs"
import * as NodePath from "node:path"
import { AdminRpcs, RelayFailed, service } from "../src/internal/question/AdminRpcs.ts"
import { readRow } from "../src/internal/reports/row.ts"
import * as Support from "./support.ts"

const folder = NodePath.join(import.meta.dirname, "releases")
const Texts = Schema.fromJsonString(Schema.Struct({ row: Schema.String, report: Schema.String }))

const textsOf = (file: string) =>
  Schema.decodeUnknownSync(Texts)(NodeFs.readFileSync(NodePath.join(folder, file), "utf8"))

describe("the reports of a node", () => {
  for (const file of NodeFs.readdirSync(folder)) {
    World.simulated(`of release ${NodePath.parse(file).name} are part of a report of the cluster`, ({ node }) =>
      Effect.gen(function* () {
        const { report, row } = textsOf(file)
        const b = yield* node("b")
        // The texts are those of a node with the name a.
        const a = yield* node("a", { seeds: [b.address] })
        const handlers = AdminRpcs.toLayer({
          Row: () => Effect.succeed(row),
          Inspect: () => Effect.succeed(report),
          Relay: () => new RelayFailed({ reason: "noLink", message: "no" }),
        })
        yield* Layer.build(
          PeerRpcServer.layer(AdminRpcs, { service }).pipe(
            Layer.provide([handlers, Layer.succeed(Cluster.Cluster, a.cluster)]),
          ),
        )
        const admin = yield* Support.admin(b)
        yield* World.untilPeers(b, ["a"])
        yield* Effect.sleep("1 second")
        const { rows, unanswered, verdict } = yield* admin.service.cluster()
        // The peers s and f of the row are not there.
        assert.deepStrictEqual(
          [rows.map(({ name }) => name).sort(), unanswered, verdict.details.includes("s did not answer (noLink)")],
          [["a", "b"], [], true],
        )
        assert.strictEqual((yield* admin.service.node("a")).name, "a")
      }),
    )

    it(`are read as ${NodePath.parse(file).name} sends them`, () => {
      const { report, row } = textsOf(file)
      const found = Result.getOrThrow(readRow(row, "a"))
      assert.deepStrictEqual([found.status, found.link], ["asf", "uid"])
      const { peers } = Schema.decodeUnknownSync(Schema.fromJsonString(Report.NodeReport))(report)
      assert.deepStrictEqual(
        peers.map(({ name }) => name),
        found.names,
      )
    })
  }
})
