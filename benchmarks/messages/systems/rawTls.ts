/** Bare mutual TLS 1.3, which is the limit of systems with certificates. */
import { certificates } from "../../harness/sockets.ts"
import type { Driver, Setup } from "./Driver.ts"
import * as Sockets from "./sockets.ts"

export const make = (setup: Setup): Driver => Sockets.make(setup, certificates(setup.proofs))
