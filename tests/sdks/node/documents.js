// Prints one document per element, as npm `plivo` writes it: a JSON object of name -> XML.
const { Response } = require('plivo');

const APP = 'http://app.example.com';
const documents = {};
const page = (name, fill) => {
  const response = new Response();
  fill(response);
  documents[name] = response.toXML();
};

page('Speak', (r) => {
  const speak = r.addSpeak('hi', { voice: 'Polly.Salli', language: 'en-US', loop: 2 });
  speak.addBreak({ strength: 'strong', time: '250ms' });
  speak.addEmphasis('one', { level: 'strong' });
  speak.addProsody('x', { volume: 'loud', rate: 'slow', pitch: 'high' });
  speak.addSayAs('1', { 'interpret-as': 'digits' });
  speak.addSub('WWW', { alias: 'world' });
});
page('Play', (r) => r.addPlay(`${APP}/a.mp3`, { loop: 3 }));
page('Wait', (r) => r.addWait({ length: 9, silence: true, minSilence: 1500 }));
page('Record', (r) => r.addRecord({
  action: `${APP}/done`, method: 'GET', fileFormat: 'wav', redirect: true, timeout: 5, maxLength: 30, playBeep: false,
  finishOnKey: '*', recordSession: false, startOnDialAnswer: false, callbackUrl: `${APP}/file`, callbackMethod: 'POST',
}));
page('GetDigits', (r) => {
  const ask = r.addGetDigits({
    action: `${APP}/got`, method: 'POST', timeout: 10, digitTimeout: 3, finishOnKey: '*', numDigits: 4, retries: 2,
    redirect: true, playBeep: false, validDigits: '1234567890', invalidDigitsSound: `${APP}/no.mp3`, log: true,
  });
  ask.addSpeak('press', { voice: 'MAN' });
  ask.addPlay(`${APP}/b.wav`);
});
page('GetInput', (r) => {
  const ask = r.addGetInput({
    action: `${APP}/got`, method: 'POST', inputType: 'dtmf speech', executionTimeout: 20, digitEndTimeout: 5,
    speechEndTimeout: 3, finishOnKey: '#', numDigits: 4, speechModel: 'default', hints: 'a,b', language: 'en-US',
    interimSpeechResultsCallback: `${APP}/interim`, interimSpeechResultsCallbackMethod: 'POST', log: true,
    redirect: true, profanityFilter: false,
  });
  ask.addSpeak('speak');
});
page('Dial', (r) => {
  const dial = r.addDial({ dialMusic: 'real', timeout: 20, callerName: 'Desk' });
  dial.addNumber('+14155550199', { sendDigits: '1w2', sendOnPreanswer: true });
  dial.addUser('sip:1001@switchhook.local', { sendDigits: '3', sendOnPreanswer: false, sipHeaders: 'a=1' });
});
page('PreAnswer', (r) => {
  const early = r.addPreAnswer();
  early.addSpeak('hello');
  early.addWait({ length: 2 });
});
page('DTMF', (r) => r.addDTMF('98', { async: false }));
page('Message', (r) => r.addMessage('hi', { src: '1', dst: '2<3', type: 'sms', callbackUrl: `${APP}/report` }));
page('Redirect', (r) => r.addRedirect(`${APP}/more`, { method: 'GET' }));
page('Hangup', (r) => r.addHangup({ reason: 'busy', schedule: 60 }));
page('Conference', (r) => r.addConference('room', { startConferenceOnEnter: true, record: false }));

process.stdout.write(JSON.stringify(documents));
