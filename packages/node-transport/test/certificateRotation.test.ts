/** Clusters under load whose certificates and authorities are replaced, on real sockets. */
import * as Admission from "@coterie/core/Admission"
import * as Certificates from "@coterie/node-transport/Certificates"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Crypto from "node:crypto"
import { Authority } from "./Authority.ts"
import { issue, materialOf, nameOf, trust, unchecked } from "./certificateNodes.ts"
import { counted, join, OpenProofs, start, underLoad, until } from "./rotation.ts"

const a = Authority.root("a")
const b = Authority.root("b")

const policies = [Admission.layerNamed((peer) => [nameOf(peer)])]

/** Starts a node with its own certificate, which names the peer. */
const startWith = Effect.fnUntraced(function* (
  name: string,
  open: OpenProofs,
  options: Partial<NodeTransport.TlsOptions> = {},
  certificateOf = name,
) {
  const certificates = yield* Certificates.make(materialOf(issue(a, certificateOf), [a]))
  const transport = counted(open).pipe(
    Layer.provide(NodeTransport.layerTls({ port: 0, trust, ...options })),
    Layer.provide(unchecked(certificates)),
  )
  return { ...(yield* start(name, transport, policies)), certificates }
})

describe.concurrent("a cluster with certificates", () => {
  it.live(
    "under load replaces its authority in three steps, and loses, repeats and reorders no message, and emits no event",
    () =>
      Effect.gen(function* () {
        const issued = new Map<string, "a" | "b">()
        const open = new OpenProofs((identity) =>
          identity._tag === "Certificate" ? (issued.get(identity.fingerprint) ?? "a") : "none",
        )
        const nodes = yield* Effect.forEach(["x", "y", "z"], (name) => startWith(name, open))
        yield* join(nodes)
        yield* until(() => open.count("a") === 6)
        yield* underLoad(
          nodes,
          Effect.gen(function* () {
            const own = yield* Effect.forEach(nodes, ({ certificates }) => certificates.material)
            for (const [i, { certificates }] of nodes.entries()) {
              const material = own[i] ?? assert.fail()
              yield* certificates.set({ ...material, authorities: a.certificate + b.certificate })
            }
            const next = nodes.map(({ name }) => issue(b, name))
            for (const [i, { certificates }] of nodes.entries()) {
              const certificate = next[i] ?? assert.fail()
              issued.set(new Crypto.X509Certificate(certificate.certificate).fingerprint256, "b")
              yield* certificates.set(materialOf(certificate, [a, b]))
            }
            // Each node has the new certificate before the old authority goes.
            yield* until(() => open.count("a") === 0 && open.count("b") === 6)
            for (const [i, { certificates }] of nodes.entries()) {
              yield* certificates.set(materialOf(next[i] ?? assert.fail(), [b]))
            }
            yield* until(() => open.count("a") === 0 && open.count("b") === 6)
          }),
        )
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([]))),
    120_000,
  )

  it.live(
    "under load renews all of its links again and again, and loses, repeats and reorders no message",
    () =>
      Effect.gen(function* () {
        const open = new OpenProofs(({ _tag }) => _tag)
        const nodes = yield* Effect.forEach(["v", "w", "x", "y", "z"], (name) =>
          startWith(name, open, { renewAfter: "500 millis" }),
        )
        yield* join(nodes)
        const links = 10
        // Both ends of each link, and three renewals of each.
        yield* underLoad(
          nodes,
          until(() => open.opened >= 2 * links * 4),
        )
      }).pipe(Effect.scoped, Effect.provide(Logger.layer([]))),
    120_000,
  )

  it.live("admits a peer under the name of its certificate only", () =>
    Effect.gen(function* () {
      const open = new OpenProofs(({ _tag }) => _tag)
      const ann = yield* startWith("ann", open)
      const bob = yield* startWith("bob", open)
      const liar = yield* startWith("carl", open, {}, "bob")
      yield* join([ann, bob])
      const refused = yield* Effect.flip(liar.cluster.join(ann.address))
      assert.include(refused.reason, { _tag: "Denied", refusedBy: "peer" })
      // The side that dials makes the same check.
      const refusing = yield* Effect.flip(bob.cluster.join(liar.address))
      assert.include(refusing.reason, { _tag: "Denied", refusedBy: "thisNode" })
      assert.isFalse((yield* bob.cluster.view).peers.has("carl"))
      assert.isFalse((yield* ann.cluster.view).peers.has("carl"))
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([]))),
  )
})
