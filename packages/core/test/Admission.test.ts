import * as Admission from "@coterie/core/Admission"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

const applicant: Admission.Applicant = { name: "m", generation: 1, metadata: {}, remoteHost: "a" }

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
})
