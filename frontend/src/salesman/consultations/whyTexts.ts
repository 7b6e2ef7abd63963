import { formatNumber } from '@/texts/format';
import { withParticle } from '@/texts/korean';
import { defineTexts } from '@/texts/texts';

export const whyTexts = defineTexts(
  {
    title: '왜 나에게 왔나요?',
    what: '까닭',
    none: '배정의 까닭이 남아 있지 않아요.',
    kept: '이 고객을 이미 내가 맡고 있어서, 다음 일도 나에게 왔어요.',
    brought: '내가 이 고객을 직접 등록해서, 나에게 왔어요.',
    byHand: '관리자가 나를 골라서 맡겼어요.',
    suffix: (lastFour: string, among: number, picked: number) =>
      `고객 번호 끝 네 자리 **${lastFour}**${withParticle(lastFour, '을/를').slice(lastFour.length)} ` +
      `그때 받을 수 있던 **${formatNumber(among)}명**으로 나누면 ` +
      `**${formatNumber(picked)}**${withParticle(String(picked), '이/가').slice(String(picked).length)} 남아요. ` +
      `0번부터 세어 ${formatNumber(picked)}번이 나예요.`,
    suffixShort: '고객 번호의 끝자리로 나에게 왔어요.',
    slots: (among: number) => `후보 ${formatNumber(among)}명`,
    other: '다른 사람',
    me: '나',
    load: (open: number, capacity: number) =>
      `그때 내가 맡고 있던 일은 ${formatNumber(open)}건, 맡을 수 있는 일은 ${formatNumber(capacity)}건이었어요.`,
  },
  {
    title: 'Why me?',
    what: 'the reason',
    none: 'The reason of the assignment is not known.',
    kept: 'You already had this customer, so what follows comes to you too.',
    brought: 'You entered this customer yourself.',
    byHand: 'Staff chose you.',
    suffix: (lastFour, among, picked) =>
      `The last four digits of the number, **${lastFour}**, divided by the **${among}** people ` +
      `who were free leave **${picked}**. Counted from 0, number ${picked} is you.`,
    suffixShort: 'The last digits of the number chose you.',
    slots: (among) => `${among} candidates`,
    other: 'Other',
    me: 'Me',
    load: (open, capacity) => `At that moment you had ${open} of at most ${capacity} assignments.`,
  },
);
