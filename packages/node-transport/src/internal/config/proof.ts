/** Choice of the proof that the nodes of a cluster give each other, from options. */
import * as Arr from "effect/Array"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"

/** Options of which a node has those of one proof, or none. An option that is `undefined` is not set. */
export interface ProofOptions {
  readonly secret?: Redacted.Redacted<string> | ReadonlyArray<Redacted.Redacted<string>> | undefined
  readonly secretFile?: string | undefined
  readonly certificateFile?: string | undefined
  readonly keyFile?: string | undefined
  readonly authoritiesFile?: string | undefined
  readonly revokedFile?: string | undefined
  readonly trust?: ReadonlyArray<string> | undefined
  readonly insecure?: boolean | undefined
  readonly insecureMigration?: "listen" | "dial" | undefined
}

/** Source of the secrets of a node. */
export type SecretSource =
  | {
      readonly _tag: "Secret"
      readonly secret: Redacted.Redacted<string> | ReadonlyArray<Redacted.Redacted<string>>
    }
  | { readonly _tag: "SecretFile"; readonly path: string }

export type Proof =
  | { readonly _tag: "None" }
  | SecretSource
  | {
      readonly _tag: "Certificates"
      readonly paths: {
        readonly certificate: string
        readonly key: string
        readonly authorities: string
        readonly revoked: string | undefined
      }
      readonly trust: Arr.NonEmptyReadonlyArray<string>
    }

/** Returns the name of an option as the user knows it: the option of the program, or the variable of the environment. */
export type NameOf = (option: keyof ProofOptions) => string

/** Returns the names of the settings that have the paths of certificates. */
export const pathNames = (nameOf: NameOf) => ({
  certificate: nameOf("certificateFile"),
  key: nameOf("keyFile"),
  authorities: nameOf("authoritiesFile"),
  revoked: nameOf("revokedFile"),
})

/** Returns the source of the secrets, or `undefined` without one. Fails with a message if there are two. */
export const secretSource = (
  { secret, secretFile }: Pick<ProofOptions, "secret" | "secretFile">,
  nameOf: NameOf,
): Result.Result<SecretSource | undefined, string> => {
  if (secret !== undefined && secretFile !== undefined) {
    return Result.fail(`${nameOf("secret")} and ${nameOf("secretFile")} are both set: set only one of them`)
  }
  if (secret !== undefined) return Result.succeed({ _tag: "Secret", secret })
  return Result.succeed(secretFile === undefined ? undefined : { _tag: "SecretFile", path: secretFile })
}

/** Returns the one proof of the options. Fails with a message if they contradict each other, or if a part is missing. */
export const proofOf = (options: ProofOptions, nameOf: NameOf): Result.Result<Proof, string> => {
  const secret = secretSource(options, nameOf)
  if (Result.isFailure(secret)) return Result.fail(secret.failure)
  const secretOption = secretOptions.find((option) => options[option] !== undefined)
  const certificateOption = certificateOptions.find((option) => options[option] !== undefined)
  const proof = secretOption ?? certificateOption
  if (secretOption !== undefined && certificateOption !== undefined) {
    return Result.fail(
      `${nameOf(secretOption)} and ${nameOf(certificateOption)} are both set: ` +
        `use a secret, or certificates, and remove the settings of the other`,
    )
  }
  if (proof !== undefined && options.insecure === true) {
    return Result.fail(
      `${nameOf(proof)} is set, and ${nameOf("insecure")} allows plain TCP: remove one of the two settings`,
    )
  }
  if (proof === undefined && options.insecureMigration !== undefined) {
    return Result.fail(
      `${nameOf("insecureMigration")} is set without a secret or certificates: set one of them, or remove this setting`,
    )
  }
  if (secret.success !== undefined) return Result.succeed(secret.success)
  return certificateOption === undefined ? Result.succeed({ _tag: "None" }) : certificatesOf(options, nameOf)
}

const secretOptions = ["secret", "secretFile"] as const

const certificateOptions = ["certificateFile", "keyFile", "authoritiesFile", "revokedFile", "trust"] as const

const certificatesOf = (
  { authoritiesFile, certificateFile, keyFile, revokedFile, trust = [] }: ProofOptions,
  nameOf: NameOf,
): Result.Result<Proof, string> => {
  if (
    certificateFile === undefined ||
    keyFile === undefined ||
    authoritiesFile === undefined ||
    !Arr.isReadonlyArrayNonEmpty(trust)
  ) {
    const required = (["certificateFile", "keyFile", "authoritiesFile", "trust"] as const).map(nameOf)
    return Result.fail(`some settings of certificates are missing: set all of ${required.join(", ")}`)
  }
  return Result.succeed({
    _tag: "Certificates",
    paths: { certificate: certificateFile, key: keyFile, authorities: authoritiesFile, revoked: revokedFile },
    trust,
  })
}
