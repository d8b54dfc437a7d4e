import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CertificateMetrics } from "../../../src/internal/metrics/CertificateMetrics.ts"
import { ShownMetrics } from "./ShownMetrics.ts"

describe("the metric of certificates", () => {
  it.effect("is computed when it is read, and has a series for each owner with a certificate", () =>
    Effect.gen(function* () {
      const left: { own: number | undefined; peers: number | undefined } = { own: 3_600, peers: undefined }
      const certificates = new CertificateMetrics((whose) => left[whose])
      const shown = new ShownMetrics()
      yield* certificates.addMetrics(shown.metrics)
      assert.deepStrictEqual(shown.values, { "coterie_certificate_seconds own": 3_600 })
      left.own = -1
      left.peers = 60
      assert.deepStrictEqual(shown.values, { "coterie_certificate_seconds own": -1 })
      certificates.changed()
      assert.deepStrictEqual(shown.values, {
        "coterie_certificate_seconds own": -1,
        "coterie_certificate_seconds peers": 60,
      })
      left.peers = undefined
      certificates.changed()
      assert.deepStrictEqual(shown.values, { "coterie_certificate_seconds own": -1 })
    }),
  )
})
