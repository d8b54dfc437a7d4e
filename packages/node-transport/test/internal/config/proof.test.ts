import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { proofOf, type ProofOptions } from "../../../src/internal/config/proof.ts"

const one: Required<Omit<ProofOptions, "insecureMigration">> = {
  secret: Redacted.make("text"),
  secretFile: "/secret",
  certificateFile: "/certificate",
  keyFile: "/key",
  authoritiesFile: "/authorities",
  revokedFile: "/revoked",
  trust: ["peer.example"],
  insecure: true,
}

const names = ["secret", "secretFile", "certificateFile", "keyFile", "authoritiesFile", "revokedFile", "trust"] as const

const outcome = (options: ProofOptions) =>
  Result.match(proofOf(options, String), { onFailure: (message) => message, onSuccess: ({ _tag }) => _tag })

describe("the proof of a node", () => {
  it("is none without options, also if plain TCP is allowed", () => {
    assert.strictEqual(outcome({}), "None")
    assert.strictEqual(outcome({ insecure: true }), "None")
    assert.strictEqual(outcome({ secret: undefined, trust: undefined, insecure: false }), "None")
  })

  it("is the one whose options are set", () => {
    const tags = (["secret", "secretFile"] as const).map((name) => outcome({ [name]: one[name], insecure: false }))
    assert.deepStrictEqual(tags, ["Secret", "SecretFile"])
    const { insecure: _insecure, secret: _secret, secretFile: _secretFile, ...certificates } = one
    assert.strictEqual(outcome(certificates), "Certificates")
    assert.strictEqual(outcome({ ...certificates, revokedFile: undefined }), "Certificates")
  })

  it("needs all settings of certificates except the revocation lists", () => {
    const { insecure: _insecure, secret: _secret, secretFile: _secretFile, ...certificates } = one
    const message =
      "some settings of certificates are missing: set all of certificateFile, keyFile, authoritiesFile, trust"
    for (const name of ["certificateFile", "keyFile", "authoritiesFile", "trust"] as const) {
      assert.strictEqual(outcome({ ...certificates, [name]: undefined }), message)
    }
    assert.strictEqual(outcome({ ...certificates, trust: [] }), message)
    assert.strictEqual(outcome({ revokedFile: "/revoked" }), message)
  })

  it("is never chosen between two", () => {
    for (const first of names) {
      for (const second of names) {
        const [isSecret, isOther] = [first, second].map((name) => name.startsWith("secret"))
        if (first === second || (isSecret === false && isOther === false)) continue
        const message = outcome({ [first]: one[first], [second]: one[second] })
        assert.include(message, "are both set", `${first} and ${second}`)
        for (const name of [first, second]) assert.include(message, name)
      }
    }
  })

  it("is required by a migration", () => {
    assert.strictEqual(
      outcome({ insecureMigration: "listen" }),
      "insecureMigration is set without a secret or certificates: set one of them, or remove this setting",
    )
    assert.strictEqual(outcome({ insecureMigration: "dial", secret: one.secret }), "Secret")
  })

  it("excludes plain TCP", () => {
    for (const name of names) {
      assert.strictEqual(
        outcome({ [name]: one[name], insecure: true }),
        `${name} is set, and insecure allows plain TCP: remove one of the two settings`,
      )
    }
  })
})
