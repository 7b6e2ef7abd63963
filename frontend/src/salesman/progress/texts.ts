import type { Step } from '@/api/types';
import { withParticle } from '@/texts/korean';
import { defineTexts } from '@/texts/texts';

type Moved = Exclude<Step, 'apply'>;

/** Sentences about moving a consultation on. */
export const progressTexts = defineTexts(
  {
    act: {
      approved: '승인',
      succeeded: '성공',
      failed: '실패',
      cancelled: '취소',
    } satisfies Record<Moved, string>,
    actFor: (step: string, name: string) => `${step}: ${name}`,
    sending: '보내는 중',
    approvedDone: (name: string) => `${name} 상담을 승인했어요.`,
    closedDone: (name: string, step: string) =>
      `${name} 상담을 ${withParticle(step, '으로/로')} 마쳤어요.`,
    cancelledDone: (name: string) => `${name} 상담을 취소했어요.`,
    rolledBack: {
      approved: (before: string) =>
        `승인하지 못해서 ${withParticle(before, '으로/로')} 되돌렸어요.`,
      succeeded: (before: string) =>
        `성공으로 마치지 못해서 ${withParticle(before, '으로/로')} 되돌렸어요.`,
      failed: (before: string) =>
        `실패로 마치지 못해서 ${withParticle(before, '으로/로')} 되돌렸어요.`,
      cancelled: (before: string) =>
        `취소하지 못해서 ${withParticle(before, '으로/로')} 되돌렸어요.`,
    },
    why: {
      offline: '인터넷이 끊겼어요. 연결되면 다시 눌러 주세요.',
      ours: '저희 쪽 문제예요. 조금 뒤에 다시 해 주세요.',
      changed: '그사이 다른 사람이 먼저 바꿨어요. 지금 상태를 보고 다시 눌러 주세요.',
      dateChanged: (day: string) => `그사이 희망일이 ${withParticle(day, '으로/로')} 바뀌었어요.`,
      gone: '다른 담당자에게 넘어갔어요.',
      already: (step: string) =>
        `이미 ${withParticle(step, '으로/로')} 바뀐 상담이에요. 화면을 지금 상태로 바꿨어요.`,
      cancelledFirst: '고객이나 관리자가 먼저 취소했어요. 화면을 지금 상태로 바꿨어요.',
      tooOften: (time: string) => `여러 번 눌렀어요. ${time} 뒤에 다시 할 수 있어요.`,
      busy: '같은 요청을 처리하고 있어요. 조금 뒤에 다시 봐 주세요.',
      aBit: '조금',
    },
    succeedTitle: '성공으로 마칠까요?',
    succeed: (name: string) =>
      `${name} 상담이 끝나요. 되돌릴 수 없고, 내 실적의 성공에 1건이 더해져요.`,
    succeedAction: '성공으로 마치기',
    failTitle: '실패로 마칠까요?',
    fail: (name: string) =>
      `${name} 상담이 끝나요. 되돌릴 수 없고, 내 실적의 실패에 1건이 더해져요.`,
    failAction: '실패로 마치기',
    cancelTitle: '상담을 취소할까요?',
    cancel: (name: string) => `${name} 상담이 끝나요. 되돌릴 수 없고, 내 실적에는 더해지지 않아요.`,
    cancelAction: '상담 취소하기',
    keep: '그만두기',
    reason: '까닭',
    reasonMore: '자세히',
    reasonHint: '고객과 관리자도 보는 글이에요.',
    reasonMissing: '고객과 관리자도 보는 글이에요. 한 줄이라도 적어 주세요.',
    reasonTooLong: '500자까지 적을 수 있어요.',
    failReasons: ['지원 자격이 안 됨', '자부담이 부담됨', '마감을 놓침', '다른 사업으로 정함'],
    cancelReasons: ['고객이 원하지 않음', '연락이 닿지 않음', '신청을 두 번 함', '사업이 바뀜'],
  },
  {
    act: { approved: 'Approve', succeeded: 'Succeeded', failed: 'Failed', cancelled: 'Cancel' },
    actFor: (step, name) => `${step}: ${name}`,
    sending: 'Sending',
    approvedDone: (name) => `The consultation of ${name} is approved.`,
    closedDone: (name, step) => `The consultation of ${name} is closed: ${step}.`,
    cancelledDone: (name) => `The consultation of ${name} is cancelled.`,
    rolledBack: {
      approved: (before) => `It could not be approved and is back at: ${before}.`,
      succeeded: (before) => `It could not be closed and is back at: ${before}.`,
      failed: (before) => `It could not be closed and is back at: ${before}.`,
      cancelled: (before) => `It could not be cancelled and is back at: ${before}.`,
    },
    why: {
      offline: 'You are offline. Press again once you are connected.',
      ours: 'This is our fault. Try again a little later.',
      changed: 'Someone else changed it first. Look at it and press again.',
      dateChanged: (day) => `The desired date is now ${day}.`,
      gone: 'It went to someone else.',
      already: (step) => `It is already: ${step}. The page shows its present state.`,
      cancelledFirst: 'The customer or staff cancelled it first. The page shows that now.',
      tooOften: (time) => `Too many requests. Try again in ${time}.`,
      busy: 'The same request is being processed. Look again in a moment.',
      aBit: 'a moment',
    },
    succeedTitle: 'Close it as a success?',
    succeed: (name) =>
      `The consultation of ${name} ends. This cannot be undone, and adds 1 to your successes.`,
    succeedAction: 'Close as a success',
    failTitle: 'Close it as a failure?',
    fail: (name) =>
      `The consultation of ${name} ends. This cannot be undone, and adds 1 to your failures.`,
    failAction: 'Close as a failure',
    cancelTitle: 'Cancel the consultation?',
    cancel: (name) =>
      `The consultation of ${name} ends. This cannot be undone. Your numbers stay the same.`,
    cancelAction: 'Cancel the consultation',
    keep: 'Not now',
    reason: 'Reason',
    reasonMore: 'Details',
    reasonHint: 'The customer and staff read this too.',
    reasonMissing: 'The customer and staff read this too. Please write at least a line.',
    reasonTooLong: 'At most 500 characters.',
    failReasons: ['Not eligible', 'Own share too high', 'Missed the deadline', 'Chose another one'],
    cancelReasons: [
      'The customer does not want it',
      'Could not be reached',
      'Requested twice',
      'The programme changed',
    ],
  },
);
