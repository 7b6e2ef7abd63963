import { defineTexts } from '@/texts/texts';

/** What ♥ says, on every list. */
export const heartTexts = defineTexts(
  {
    on: '관심사업에 담았어요',
    off: '관심사업에서 뺐어요',
    undo: '되돌리기',
    notOn: '관심사업에 담지 못했어요.',
    notOff: '관심사업에서 빼지 못했어요.',
    offline: '인터넷이 끊겼어요.',
  },
  {
    on: 'Added to your interests',
    off: 'Removed from your interests',
    undo: 'Undo',
    notOn: 'It could not be added.',
    notOff: 'It could not be removed.',
    offline: 'You are offline.',
  },
);
