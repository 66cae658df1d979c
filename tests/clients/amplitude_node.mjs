import { half, key, require, traits, url } from './half.mjs'
const amplitude = require('@amplitude/analytics-node')
await amplitude.init(key, { serverUrl: `${url}/2/httpapi` }).promise
const spin = (from, to, device_id) => { for (let turn = from; turn < to; turn++) amplitude.track('Wheel Spun', { turn, 颜色: '红' }, { user_id: 'u1', device_id }) }
const person = new amplitude.Identify()
for (const [name, value] of Object.entries(traits)) person.set(name, value)
amplitude.identify(person, { user_id: 'u1', device_id: 'a1' })
spin(0, 20, 'a1')
await amplitude.flush().promise
await half()
spin(20, 40, 'a0')
await amplitude.flush().promise
process.exit(0)
