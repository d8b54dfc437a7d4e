/** Bare TCP, which is the limit. */
import { tcp } from "../../harness/sockets.ts"
import type { Driver, Setup } from "./Driver.ts"
import * as Sockets from "./sockets.ts"

export const make = (setup: Setup): Driver => Sockets.make(setup, tcp())
