export { type ChannelName, type Status, type UpdateEnvelope, updateEnvelope } from '../mcp/result.ts'
