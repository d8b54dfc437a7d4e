/** Coterie over mutual TLS 1.3. */
import type { Driver, Setup } from "./Driver.ts"
import * as Coterie from "./coterie.ts"
import * as TlsTransport from "./TlsTransport.ts"
import { mutual } from "./rawTls.ts"

export const make = (setup: Setup): Driver => Coterie.makeOver(setup, () => TlsTransport.layer(mutual(setup)))
