import { names } from '@/texts/names';
import { formatDay } from '@/texts/format';
import { glue, withParticle } from '@/texts/korean';
import { defineTexts, language } from '@/texts/texts';
import type { LiveEvent } from './events';

const texts = defineTexts(
  {
    project: '사업 내용이 바뀌었어요',
    interestCreated: '새 관심사업이 들어왔어요',
    interestOn: '관심사업에 담겼어요',
    interestOff: '관심사업에서 빠졌어요',
    consultationCreated: '새 상담 신청이 들어왔어요',
    consultationEdited: '상담 내용이 바뀌었어요',
    progressed: (step: string) => `상담이 ${withParticle(step, '으로/로')} 바뀌었어요`,
    matched: (name: string) => `담당자가 정해졌어요: ${name}`,
    unmatched: '담당자를 다시 찾고 있어요',
    removed: '다른 담당자에게 넘어갔어요',
    salesman: (name: string) => `담당자 정보가 바뀌었어요: ${name}`,
    edited: (day: string) => `희망일이 ${day}로 바뀌었어요`,
  },
  {
    project: 'The programme changed',
    interestCreated: 'A new interest came in',
    interestOn: 'An interest was added',
    interestOff: 'An interest was removed',
    consultationCreated: 'A new request for a consultation came in',
    consultationEdited: 'The consultation changed',
    progressed: (step) => `The consultation is now: ${step}`,
    matched: (name) => `Assigned: ${name}`,
    unmatched: 'Another person is being looked for',
    removed: 'It went to someone else',
    salesman: (name) => `Details changed: ${name}`,
    edited: (day) => `The desired date is now ${day}`,
  },
);

/** What happened in one sentence, for the row it happened to and for screen readers. */
export function sentenceOf(event: LiveEvent): string | undefined {
  const t = texts[language.value];
  switch (event.type) {
    case 'projects-changed':
      return t.project;
    case 'InterestCreated':
      return t.interestCreated;
    case 'InterestUpdated':
      return event.interested ? t.interestOn : t.interestOff;
    case 'ConsultationCreated':
      return t.consultationCreated;
    case 'ConsultationEdited':
      return event.desiredOn ? t.edited(formatDay(event.desiredOn)) : t.consultationEdited;
    case 'ConsultationProgressed':
      return event.to ? t.progressed(names[language.value].step[event.to]) : undefined;
    case 'SalesmanMatched': {
      const names = [event.salesman, event.consultant].flatMap((it) => it?.displayName ?? []);
      return names.length > 0 ? t.matched(glue(names.join('·'))) : undefined;
    }
    case 'SalesmanUnmatched':
      return t.unmatched;
    case 'SalesmanUpdated':
      return event.displayName ? t.salesman(event.displayName) : undefined;
    case 'removed':
      return t.removed;
    default:
      return undefined;
  }
}
