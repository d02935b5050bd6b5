// Calls in words.

export function parties(call) {
    const numbers = (call.participants ?? []).map(each => each.formattedPhoneNumber || each.phoneNumber || each.digits || each);
    if (numbers.length === 0) return call.dnis || 'nobody';
    return numbers.length === 1 ? numbers[0] : `${numbers.slice(0, -1).join(', ')} and ${numbers.at(-1)}`;
}

export function sentence(call) {
    const who = parties(call);
    const several = (call.participants ?? []).length > 1;
    switch (call.state) {
        case 'Ringing': return `${who} ${several ? 'are' : 'is'} calling.`;
        case 'Dialing': return `Calling ${who}, not answered yet.`;
        case 'Established': return several ? `In conference with ${who}.` : `Talking with ${who}.`;
        case 'Held': return `${who} ${several ? 'are' : 'is'} waiting, you are not heard.`;
        case 'Released': return `The call with ${who} has ended.`;
        default: return `${who}: ${call.state}.`;
    }
}

export function kind(call) {
    return call.callType === 'Consult' ? 'Consultation' : `${call.callType} call`;
}

export function time(ms) {
    const seconds = Math.max(0, Math.floor(ms / 1000));
    const two = number => String(number).padStart(2, '0');
    const minutes = Math.floor(seconds / 60);
    return minutes < 60 ? `${minutes}:${two(seconds % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(seconds % 60)}`;
}
