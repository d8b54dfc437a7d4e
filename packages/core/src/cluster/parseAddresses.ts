/** Parses addresses that an application or its discovery provides as text. */
import * as Result from "effect/Result"
import * as Address from "../Address.ts"

export interface Parsed {
  readonly addresses: ReadonlyArray<Address.Address>
  /** Problems of the texts that are not addresses. */
  readonly problems: ReadonlyArray<Address.AddressError>
}

/** Returns the addresses among the texts, and the problems of the others. */
export const parseAddresses = (inputs: ReadonlyArray<string>): Parsed => {
  const addresses: Array<Address.Address> = []
  const problems: Array<Address.AddressError> = []
  for (const input of inputs) {
    const parsed = Address.parse(input)
    if (Result.isSuccess(parsed)) addresses.push(parsed.success)
    else problems.push(parsed.failure)
  }
  return { addresses, problems }
}
