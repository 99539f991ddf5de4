<?php
// The message service in PHP: Redis holds the messages under their hexadecimal digests.
declare(strict_types=1);

function answer(int $status, array $body): never
{
    $text = json_encode($body, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
    http_response_code($status);
    header('Content-Type: application/json');
    header('Content-Length: ' . strlen($text));
    exit($text);
}

// One connection for the life of each PHP process.
$redis = new Redis();
$redis->pconnect(getenv('REDIS_SOCKET'));

$path = $_SERVER['REQUEST_URI'];
if ($_SERVER['REQUEST_METHOD'] === 'POST' && $path === '/messages') {
    $message = json_decode(file_get_contents('php://input'), true)['message'] ?? null;
    if (!is_string($message)) {
        answer(400, ['err_msg' => 'The body must be a JSON object with a string "message".']);
    }
    $digest = hash('sha256', $message);
    answer($redis->setnx($digest, $message) ? 201 : 200, ['digest' => $digest]);
}
$digest = substr($path, strlen('/messages/'));
$message = str_starts_with($path, '/messages/') ? $redis->get($digest) : false;
if ($message === false) {
    answer(404, ['err_msg' => "Message not found for hash: $digest"]);
}
answer(200, ['message' => $message]);
