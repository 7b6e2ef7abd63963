import { defineTexts } from '@/texts/texts';

/** Who serves a customer. */
export const servingTexts = defineTexts(
  {
    assigning: '담당자를 찾고 있어요',
    call: '전화',
    callName: (name: string, role: string) => `${name} ${role}에게 전화 걸기`,
  },
  {
    assigning: 'We are looking for your contact',
    call: 'Call',
    callName: (name, role) => `Call ${name}, ${role}`,
  },
);
