import * as Admission from "@coterie/core/Admission"
import type * as Transport from "@coterie/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

const applicant: Admission.Applicant = { name: "m", generation: 1, metadata: {}, remoteHost: "a", identity: undefined }

describe("the admission policy", () => {
  it.effect("admits every peer unless a layer provides another", () =>
    Effect.gen(function* () {
      const policy = yield* Admission.Admission
      assert.deepStrictEqual(yield* policy(applicant), { _tag: "Admit" })
    }),
  )

  it.effect("is the function that the layer provides", () =>
    Effect.gen(function* () {
      const seen: Array<Admission.Applicant> = []
      const layer = Admission.layer((each) => Effect.sync(() => (seen.push(each), Admission.deny("no guests"))))
      const policy = yield* Effect.provide(Admission.Admission, layer)
      assert.deepStrictEqual(yield* policy(applicant), { _tag: "Deny", reason: "no guests" })
      assert.deepStrictEqual(seen, [applicant])
    }),
  )

  it.effect("admits a certificate with a name of the peer, and denies every other proof", () =>
    Effect.gen(function* () {
      const verdictOf = (identity: Transport.Identity | undefined, namesOf: (peer: string) => ReadonlyArray<string>) =>
        Effect.flatMap(Admission.Admission, (policy) => policy({ ...applicant, identity })).pipe(
          Effect.provide(Admission.layerNamed(namesOf)),
          Effect.map(({ _tag }) => _tag),
        )
      const certificate = (...names: ReadonlyArray<string>): Transport.Identity => ({
        _tag: "Certificate",
        names,
        fingerprint: "00",
        validTo: 0,
      })
      const own = (peer: string) => [`spiffe://shop/${peer}`, `${peer}.Example.org`]
      assert.strictEqual(yield* verdictOf(certificate("other", "spiffe://shop/m"), own), "Admit")
      assert.strictEqual(yield* verdictOf(certificate("m.example.org"), own), "Admit")
      for (const names of [[], ["spiffe://shop/M"], ["spiffe://shop/n"], ["spiffe://shop/*"], ["*.example.org"]]) {
        assert.strictEqual(yield* verdictOf(certificate(...names), own), "Deny", names.join())
      }
      assert.strictEqual(yield* verdictOf(certificate("spiffe://shop/m"), () => []), "Deny")
      assert.strictEqual(yield* verdictOf({ _tag: "Secret", key: "spiffe://shop/m" }, own), "Deny")
      assert.strictEqual(yield* verdictOf(undefined, own), "Deny")
    }),
  )
})
