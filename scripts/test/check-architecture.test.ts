import { assert, describe, it } from "@effect/vitest"
import { checkFloors, checkPackage, checkSource, checkViewer, findCircles } from "../check-architecture.ts"
import { readImports } from "../lib/source.ts"

const floors = (module: string, ...specifiers: ReadonlyArray<string>): number =>
  checkFloors(module, readImports(module, specifiers.map((each) => `import type {} from "${each}"`).join("\n"))).length

describe("floors", () => {
  it("allow a module its own room and all floors below", () => {
    assert.strictEqual(floors("Address.ts", "./Peer.ts", "./internal/hash64.ts"), 0)
    assert.strictEqual(floors("internal/hash64.ts", "./prng.ts"), 0)
    assert.strictEqual(floors("protocol/Frame.ts", "../Address.ts", "./PeerRecord.ts", "../internal/hash64.ts"), 0)
    for (const room of ["wire", "flow", "membership"]) {
      assert.strictEqual(floors(`${room}/A.ts`, "./B.ts", "../protocol/Frame.ts", "../internal/hash64.ts"), 0, room)
    }
    assert.strictEqual(floors("Gossip.ts", "./membership/Settings.ts", "./FailureDetector.ts", "./Address.ts"), 0)
    assert.strictEqual(floors("link/Link.ts", "../wire/Cbor.ts", "../flow/SendLanes.ts", "../Transport.ts"), 0)
    assert.strictEqual(floors("peering/Dialer.ts", "../link/Link.ts", "../membership/State.ts", "../Reconnect.ts"), 0)
    assert.strictEqual(floors("messaging/Sender.ts", "../peering/LinkManager.ts", "../membership/State.ts"), 0)
    assert.strictEqual(floors("cluster/assemble.ts", "../messaging/Sender.ts", "../wire/Traffic.ts"), 0)
    assert.strictEqual(floors("Topic.ts", "./Cluster.ts", "./TopicSerialization.ts"), 0)
    assert.strictEqual(floors("index.ts", "./Cluster.ts", "./Address.ts"), 0)
  })

  it("reject imports of a higher floor or of another room on the same floor", () => {
    assert.strictEqual(floors("Address.ts", "./protocol/Frame.ts", "./Cluster.ts", "./index.ts"), 3)
    assert.strictEqual(floors("internal/hash64.ts", "../Peer.ts", "../membership/State.ts"), 2)
    assert.strictEqual(floors("protocol/Frame.ts", "../wire/Layout.ts", "../flow/SendLanes.ts"), 2)
    assert.strictEqual(floors("membership/State.ts", "../Gossip.ts", "../link/Link.ts"), 2)
    assert.strictEqual(floors("Gossip.ts", "./link/Link.ts"), 1)
    assert.strictEqual(floors("link/Link.ts", "../peering/LinkManager.ts", "../messaging/Mailbox.ts"), 2)
    assert.strictEqual(floors("peering/LinkManager.ts", "../messaging/Mailbox.ts", "../Cluster.ts"), 2)
    assert.strictEqual(floors("messaging/Mailbox.ts", "../cluster/Metrics.ts", "../Topic.ts"), 2)
  })

  it("reject imports between wire, flow and membership, and of membership by the link", () => {
    assert.strictEqual(floors("wire/Cbor.ts", "../flow/SendLanes.ts", "../membership/State.ts"), 2)
    assert.strictEqual(floors("flow/SendLanes.ts", "../wire/Cbor.ts", "../membership/State.ts"), 2)
    assert.strictEqual(floors("membership/State.ts", "../wire/Cbor.ts", "../flow/SendLanes.ts"), 2)
    assert.strictEqual(floors("link/Handshake.ts", "../membership/State.ts"), 1)
  })

  it("reject detours around the rule", () => {
    assert.strictEqual(floors("link/Link.ts", "@coterie/core", "@coterie/core/Address", "../../test/helper.ts"), 3)
    assert.strictEqual(floors("attic/Box.ts", "../Address.ts"), 1)
    assert.strictEqual(floors("Cluster.ts", "./attic/Box.ts"), 1)
  })

  it("apply to every form of import", () => {
    const source = `
      import * as A from "./link/A.ts"
      export * from "./link/B.ts"
      export { c } from "./link/C.ts"
      import "./link/D.ts"
      const e = () => import("./link/E.ts")
      type F = import("./link/F.ts").F
    `
    assert.strictEqual(checkFloors("Address.ts", readImports("Address.ts", source)).length, 6)
  })
})

describe("circles", () => {
  const circles = (imports: Readonly<Record<string, ReadonlyArray<string>>>) =>
    findCircles(new Map(Object.entries(imports)))

  it("are found once each, wherever the search begins", () => {
    assert.deepStrictEqual(circles({ a: ["b"], b: ["c"], c: ["a"] }), [["a", "b", "c"]])
    assert.deepStrictEqual(circles({ x: ["a"], a: ["b"], b: ["a"] }), [["a", "b"]])
    assert.deepStrictEqual(circles({ a: ["a"] }), [["a"]])
  })

  it("are not reported if two modules import a third", () => {
    assert.deepStrictEqual(circles({ a: ["b", "c"], b: ["d"], c: ["d"], d: [] }), [])
  })
})

describe("the viewer", () => {
  const problems = (module: string, specifier: string): number =>
    checkViewer(module, readImports(module, `import {} from "${specifier}"`)).length

  it("is imported only by itself", () => {
    assert.strictEqual(problems("picture/viewer/main.ts", "./Viewer.ts"), 0)
    assert.strictEqual(problems("picture/viewer/model/TraceModel.ts", "../../causality.ts"), 0)
    assert.strictEqual(problems("picture/html.ts", "./viewerScript.ts"), 0)
    assert.strictEqual(problems("picture/html.ts", "./viewer/main.ts"), 1)
    assert.strictEqual(problems("Trace.ts", "./picture/viewer/model/timeline.ts"), 1)
  })
})

describe("packages", () => {
  const manifest = { name: "@coterie/core", dependencies: { cborg: "^6" }, peerDependencies: { effect: "^4" } }
  const imports = (...specifiers: ReadonlyArray<string>) =>
    readImports("a.ts", specifiers.map((each) => `import type {} from "${each}"`).join("\n"))

  it("may import the packages that they declare", () => {
    const declared = imports("effect/Effect", "cborg", "./PeerId.ts", "@coterie/core/PeerId")
    assert.deepStrictEqual(checkPackage("a.ts", manifest, declared), [])
  })

  it("may import no other packages", () => {
    const others = imports("vitest", "@effect/platform-node/NodeSocket", "effect", "./PeerId", "./PeerId.js")
    assert.strictEqual(checkPackage("a.ts", manifest, others).length, 5)
  })

  it("import Node only in its transport", () => {
    const builtins = imports("node:net", "net", "node:fs/promises")
    assert.strictEqual(checkPackage("a.ts", manifest, builtins).length, 3)
    assert.deepStrictEqual(checkPackage("a.ts", { name: "@coterie/node-transport" }, builtins), [])
  })

  const optional = { optional: true }
  const testkit = {
    name: "@coterie/testkit",
    peerDependencies: { vitest: "^5", "@effect/vitest": "^4", "@effect/platform-node": "^4", "@effect/other": "^4" },
    peerDependenciesMeta: {
      vitest: optional,
      "@effect/vitest": optional,
      "@effect/platform-node": optional,
      "@effect/other": optional,
    },
  }
  const inTestkit = (module: string, ...specifiers: ReadonlyArray<string>) =>
    checkPackage(`packages/testkit/src/${module}`, testkit, imports(...specifiers), module).length

  it("import Node only in the rooms for Node", () => {
    for (const module of ["cli/bin.ts", "cli/deep/a.ts", "node/files.ts", "vitest.ts"]) {
      assert.strictEqual(inTestkit(module, "node:fs"), 0, module)
    }
    for (const module of ["Swarm.ts", "run/Run.ts", "clip.ts", "run/vitest.ts", "vitest.tsx", "network/node/a.ts"]) {
      assert.strictEqual(inTestkit(module, "node:fs"), 1, module)
    }
  })

  it("import an optional peer only in the rooms that may need that peer", () => {
    const peers = ["@effect/platform-node/NodeServices", "@effect/vitest", "vitest"] as const
    const allowed: { readonly [module: string]: readonly [boolean, boolean, boolean] } = {
      "cli/command.ts": [true, false, false],
      "node/files.ts": [false, false, false],
      "vitest.ts": [false, true, true],
      "TransportContract.ts": [false, true, false],
      "contract/transfer.ts": [false, true, false],
      "index.ts": [false, false, false],
      "Swarm.ts": [false, false, false],
      "run/vitest.ts": [false, false, false],
      "vitest.tsx": [false, false, false],
      "network/TransportContract.ts": [false, false, false],
    }
    for (const [module, expected] of Object.entries(allowed)) {
      assert.deepStrictEqual(
        peers.map((peer) => inTestkit(module, peer) === 0),
        [...expected],
        module,
      )
    }
  })

  it("do not import an optional peer without a room", () => {
    for (const module of ["cli/bin.ts", "vitest.ts", "Swarm.ts"]) {
      assert.strictEqual(inTestkit(module, "@effect/other/A"), 1, module)
    }
  })

  it("do not import a room that may need an optional peer", () => {
    assert.strictEqual(inTestkit("index.ts", "./TransportContract.ts", "./contract/transfer.ts", "./Seeds.ts"), 2)
    assert.strictEqual(inTestkit("cli/main.ts", "../vitest.ts", "../TransportContract.ts"), 2)
    assert.strictEqual(inTestkit("node/files.ts", "../cli/main.ts"), 1)
    assert.strictEqual(inTestkit("TransportContract.ts", "./contract/transfer.ts", "./vitest.ts"), 1)
    assert.strictEqual(inTestkit("contract/transfer.ts", "./Harness.ts", "../Seeds.ts"), 0)
  })

  it("compute a specifier only in the rooms for Node", () => {
    const computed = readImports("a.ts", "export const load = (url: URL) => import(url.href)")
    assert.strictEqual(checkPackage("packages/testkit/src/Swarm.ts", testkit, computed, "Swarm.ts").length, 1)
    assert.strictEqual(checkPackage("packages/testkit/src/cli/a.ts", testkit, computed, "cli/a.ts").length, 0)
  })

  it("do not import a room for Node", () => {
    assert.strictEqual(inTestkit("Swarm.ts", "./node/files.ts", "./cli/main.ts", "./vitest.ts", "./Seeds.ts"), 3)
    assert.strictEqual(inTestkit("run/Run.ts", "../node/files.ts", "../run/../cli/main.ts", "./node/a.ts"), 2)
    assert.strictEqual(inTestkit("vitest.ts", "./node/files.ts", "./Swarm.ts"), 0)
    assert.strictEqual(inTestkit("cli/main.ts", "../node/files.ts", "../Swarm.ts"), 0)
  })
})

describe("sources", () => {
  const count = (text: string) => checkSource("a.ts", text).length

  it("may assert a type once", () => {
    assert.strictEqual(count("export const a = [] as ReadonlyArray<string>"), 0)
    assert.strictEqual(count("export const a = [] as unknown as string"), 1)
  })

  it("must give a reason for a disabled lint rule", () => {
    assert.strictEqual(count("// oxlint-disable-next-line no-control-regex -- it looks for them\nexport {}"), 0)
    assert.strictEqual(count("// oxlint-disable-next-line no-control-regex\nexport {}"), 1)
    assert.strictEqual(count("/* eslint-disable no-console */\nexport {}"), 1)
  })

  it("must not disable the rules that keep time and chance out", () => {
    assert.strictEqual(count("// oxlint-disable-next-line no-restricted-globals -- just this once\nexport {}"), 1)
  })
})
