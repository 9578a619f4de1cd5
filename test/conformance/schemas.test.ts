import { MemorySchemas } from '../support/memory-schemas.js'
import { schemasConformance } from './schemas.js'

const memory = new MemorySchemas()
schemasConformance('schemas in memory', async () => memory)
