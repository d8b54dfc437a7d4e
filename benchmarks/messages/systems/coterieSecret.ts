/** Coterie over TLS 1.3 with a secret. */
import * as Transports from "../../harness/transports.ts"
import * as Coterie from "./coterie.ts"
import type { Driver, Setup } from "./Driver.ts"

export const make = (setup: Setup): Driver => Coterie.makeOver(setup, Transports.secret(setup.proofs))
