/** Flags of the proof that a probe shows: secrets, or a certificate. */

/** Flags of the proof of this process. */
export interface ProofFlags {
  readonly secretFile: string | undefined
  readonly certificate: string | undefined
  readonly key: string | undefined
  readonly authorities: string | undefined
  readonly trust: ReadonlyArray<string>
}

/** Tests whether the flags have a proof. */
export const hasProof = ({ authorities, certificate, key, secretFile, trust }: ProofFlags): boolean =>
  [secretFile, certificate, key, authorities, trust[0]].some((each) => each !== undefined)
