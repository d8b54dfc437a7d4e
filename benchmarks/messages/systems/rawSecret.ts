/** Bare TLS 1.3 with a pre-shared key, which is the limit of systems with a secret. */
import { secret } from "../../harness/sockets.ts"
import type { Driver, Setup } from "./Driver.ts"
import * as Sockets from "./sockets.ts"

export const make = (setup: Setup): Driver => Sockets.make(setup, secret(setup.proofs))
